"""Upload a project's data set to the Hugging Face hub. Only an explicit command does this."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from inffeed_core.data.neighbours.hub import hub_set
from inffeed_core.errors import ExportFailed
from inffeed_core.project.exporting import export
from inffeed_core.project.folder import Project
from inffeed_core.records import Progress, Split
from inffeed_core.store import count_by_split, project_settings, reading


def push_data(project: Project, repository: str, *, splits: Sequence[Split], private: bool, progress: Progress) -> str:
    """Upload the texts of these splits as Parquet, one file per split; returns the address.

    `repository` is hf:OWNER/NAME. Raises ImportRefused for another name, ExportFailed where the hub refuses.
    """
    name = hub_set(repository).repository
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "data").mkdir()
        with reading(project.db) as db:
            counts, about = count_by_split(db), project_settings(db)
        for split in splits:
            if counts[split]:
                export(project, folder / "data" / f"{split}.parquet", progress=progress, splits=[split])
        (folder / "README.md").write_text(_card(about.name, about.labels), encoding="utf-8")
        return upload(folder, name, kind="dataset", private=private)


def upload(folder: Path, name: str, *, kind: str, private: bool) -> str:
    """Upload a folder to a repository, creating it if needed; returns the address. Raises ExportFailed."""
    from huggingface_hub import HfApi

    api = HfApi()
    address = _explained(name, lambda: api.create_repo(name, repo_type=kind, private=private, exist_ok=True))
    _explained(name, lambda: api.upload_folder(folder_path=folder, repo_id=name, repo_type=kind))
    return str(address)


def _explained(name: str, ask: Callable[[], object]) -> object:
    try:
        return ask()
    except (OSError, ValueError) as error:  # what the hub client raises: no network, no token, no permission
        problem = f"{name} was not uploaded: {str(error).strip().splitlines()[0]}."
        raise ExportFailed(f"{problem} Check the name and the network, and sign in with `hf auth login`.") from error


def _card(title: str, labels: Sequence[str]) -> str:
    configs = "configs:\n- config_name: default\n  data_files: data/*.parquet\n"
    names = "\n".join(f"- `{label}`" for label in labels)
    return f"---\n{configs}---\n\n# {title}\n\nExported by InfFeed. The column `label` holds one of:\n\n{names}\n"
