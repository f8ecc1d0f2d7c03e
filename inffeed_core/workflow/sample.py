"""The sample data that comes with the repository: 600 product reviews, half of them with silver labels."""

from pathlib import Path

from inffeed_core.errors import ProjectError
from inffeed_core.records import Split

SAMPLE_LABELS = ("negative", "positive")

_FOLDER = Path(__file__).resolve().parents[2] / "sample_data"


def sample_guidelines() -> str:
    """What the sample's annotators are told; empty where the file is missing."""
    path = _FOLDER / "guidelines.txt"
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def sample_files(folder: Path = _FOLDER) -> dict[Split, Path]:
    """The CSV file of each split. Raises ProjectError where they are not there, as in an installation without them."""
    files = {split: folder / f"{split}.csv" for split in Split}
    missing = [path.name for path in files.values() if not path.is_file()]
    if missing:
        raise ProjectError(
            f"The sample data is not in {folder} ({', '.join(missing)} missing); "
            "run InfFeed from a clone of its repository, or restore the folder with `git checkout sample_data`."
        )
    return files
