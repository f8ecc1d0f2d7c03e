"""What influence may go through, by how a version is trained."""

from inffeed_core.settings import AnalysisSettings, TrainSettings, require


def require_head_scope(train: TrainSettings, analysis: AnalysisSettings | None) -> None:
    """Raise SettingsError where influence is to go through more than this training allows."""
    require(
        not (train.windows and analysis is not None and analysis.scope != "head"),
        "Texts that are read in windows have influence through the head alone. Choose the scope head, or no windows.",
    )
    require(
        not (train.tfidf == "on" and analysis is not None and analysis.scope != "head"),
        "With TF-IDF beside the encoder influence goes through the head alone. Choose the scope head, or TF-IDF off.",
    )
    require(
        not (train.method == "instant" and analysis is not None and analysis.scope == "training"),
        "Influence through the training is for versions that are fine-tuned; the method is instant. Choose the method "
        "fine-tune or lora, or another scope.",
    )
