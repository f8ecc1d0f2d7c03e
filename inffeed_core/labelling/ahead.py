"""What a run of labelling encodes, for an engine of the caller's: labelling itself then finds it ready."""

from inffeed_core.errors import SettingsError
from inffeed_core.labelling.labelling import labeller_of, wanted
from inffeed_core.labelling.reading import Reader, Reading
from inffeed_core.labelling.settings import LabelSettings, Means
from inffeed_core.project.folder import Project

NOT_SPREAD: dict[Means, str] = {
    "llm": "A language model answers at its endpoint, which sets the pace, so other machines make it no faster. Leave "
    "out --ray; --workers is the number of requests under way at once.",
    "rules": "Rules are functions of a file that run in this process, in seconds. Leave out --ray.",
}
"""Why a means is not computed by several machines."""


def reading(project: Project, settings: LabelSettings) -> Reading | None:
    """What labelling encodes first, for an engine of the caller's; None where no text is left.

    Raises SettingsError for a means that encodes nothing, and what `label` does.
    """
    if settings.means in NOT_SPREAD:
        raise SettingsError(NOT_SPREAD[settings.means])
    about, texts = wanted(project, settings)
    labeller = labeller_of(project, about, settings)
    assert isinstance(labeller, Reader)
    return labeller.reading(texts) if texts else None
