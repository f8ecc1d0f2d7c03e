"""Uploads to the hub by command: never without consent, and what is uploaded."""

from pathlib import Path

import pandas
import pytest
from commands import answer, run

from inffeed_core.project.folder import Project


class Hub:
    """Stands for the hub's client."""

    def __init__(self) -> None:
        self.made: list[tuple[str, str, bool]] = []
        self.files: dict[str, bytes] = {}
        self.refuses: Exception | None = None

    def create_repo(self, name: str, *, repo_type: str, private: bool, exist_ok: bool) -> str:
        if self.refuses:
            raise self.refuses
        self.made.append((name, repo_type, private))
        return f"https://hub/{name}"

    def upload_folder(self, *, folder_path: Path, repo_id: str, repo_type: str) -> None:
        self.files = {str(p.relative_to(folder_path)): p.read_bytes() for p in folder_path.rglob("*") if p.is_file()}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    made = Hub()
    monkeypatch.setattr("huggingface_hub.HfApi", lambda: made)
    return made


def test_data_go_up_as_parquet_by_split_and_only_with_consent(project: Project, hub: Hub, tmp_path: Path) -> None:
    run("push-data", project.folder, "hf:me/reviews", code=130)
    assert hub.made == []

    said = answer("push-data", project.folder, "hf:me/reviews", "--yes", "--split", "train", "--split", "silver")

    assert said == {"address": "https://hub/me/reviews"}
    assert hub.made == [("me/reviews", "dataset", True)]
    assert sorted(hub.files) == ["README.md", "data/silver.parquet", "data/train.parquet"]
    (tmp_path / "x.parquet").write_bytes(hub.files["data/train.parquet"])
    assert len(pandas.read_parquet(tmp_path / "x.parquet")) == 12


def test_a_model_goes_up_as_it_is_exported(analysed: Project, hub: Hub) -> None:
    run("push-model", analysed.folder, "v1", "hf:me/model", "--yes", "--public")
    assert hub.made == [("me/model", "model", False)]
    assert {"README.md", "config.json"} <= set(hub.files)


def test_what_the_hub_refuses_is_told(project: Project, hub: Hub) -> None:
    hub.refuses = OSError("401 Client Error")
    refused = run("push-data", project.folder, "hf:me/reviews", "--yes", code=1).stderr
    assert "me/reviews was not uploaded: 401 Client Error." in refused
    assert "hf auth login" in refused
    assert "does not name a data set" in run("push-data", project.folder, "reviews", "--yes", code=1).stderr
