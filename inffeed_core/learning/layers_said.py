"""What a user should know of a version's features: the layers they are pooled from, and TF-IDF beside them."""

from collections.abc import Mapping

from inffeed_core.project.encoders import layers_of, words_of
from inffeed_core.records import ModelVersion
from inffeed_core.wording import Sentence


def layers_said(version: ModelVersion) -> Sentence | None:
    """The choice that validation made; None where there was nothing to choose."""
    tried = version.report.get("layers_tried")
    if not isinstance(tried, Mapping) or not tried:
        return None
    return Sentence("layers", layers=layers_of(version), both=tried["middle+last"], last=tried["last"])


def words_said(version: ModelVersion) -> Sentence | None:
    """The choice between TF-IDF and none that validation made; None where there was nothing to choose."""
    tried = version.report.get("tfidf_tried")
    if not isinstance(tried, Mapping) or not tried:
        return None
    return Sentence("tfidf-on" if words_of(version) else "tfidf-off", on=tried["on"], off=tried["off"])
