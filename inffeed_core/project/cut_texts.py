"""How many of a project's texts will be cut when a model learns from them, told right after an import."""

from inffeed_core import store
from inffeed_core.errors import ModelError
from inffeed_core.models.here import long_texts, read_at_once
from inffeed_core.project.folder import Project
from inffeed_core.project.lost_encoders import here
from inffeed_core.records import Split
from inffeed_core.settings import TrainSettings
from inffeed_core.wording import Sentence


def cut_texts(project: Project) -> Sentence | None:
    """What to say of texts that are longer than training reads; None where none are, or the encoder cannot tell.

    The length is that of the active version's settings, else the default. Asks no network and loads no model.
    """
    with store.reading(project.db) as db:
        about, version = store.project_settings(db), store.active_version(db)
    settings = TrainSettings() if version is None else TrainSettings.from_dict(version.settings)
    try:
        model = here(project, about.model)
    except ModelError:
        return None
    limit = None if settings.windows else read_at_once(model, settings.max_tokens)
    if limit is None:
        return None
    with store.reading(project.db) as db:
        every, texts = store.texts_from(db, limit - SPECIAL)
    found = long_texts(model, [passage for _, passage in texts], limit)
    if found is None or not found[0]:
        return None
    numbers, share = found
    counts = {split.value: round(sum(texts[n][0] is split for n in numbers) / share) for split in Split}
    code = "cut-on-import" if share == 1 else "cut-on-import-about"
    return Sentence(code, long=sum(counts.values()), all=every, limit=limit, **counts)


SPECIAL = 8
"""Special tokens of a text or a pair, at most; every other token stands for a byte of UTF-8 at least."""
