"""What a user should know of the layers that a version's features are pooled from."""

from collections.abc import Mapping

from inffeed_core.project.encoders import layers_of
from inffeed_core.records import ModelVersion
from inffeed_core.wording import Sentence


def layers_said(version: ModelVersion) -> Sentence | None:
    """The choice that validation made; None where there was nothing to choose."""
    tried = version.report.get("layers_tried")
    if not isinstance(tried, Mapping) or not tried:
        return None
    return Sentence("layers", layers=layers_of(version), both=tried["middle+last"], last=tried["last"])
