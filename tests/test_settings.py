"""Every number of the settings has bounds, within which it works; what earlier releases stored opens all the same."""

import json
import math
from dataclasses import fields
from pathlib import Path

import pytest
from commands import answer, run
from small import LABELS

from inffeed_core.errors import SettingsError
from inffeed_core.project.folder import Project, change_settings, open_project, settings_of
from inffeed_core.settings import AnalysisSettings, FeedbackSettings, FineTuneSettings, ProjectSettings, TrainSettings
from inffeed_core.store import writing

KINDS = (AnalysisSettings, FeedbackSettings, FineTuneSettings, TrainSettings)


def made(kind: type, **changes: object) -> object:
    return kind("Reviews", LABELS, **changes) if kind is ProjectSettings else kind(**changes)


def numbers() -> list[tuple[type, str]]:
    found = []
    for kind in (*KINDS, ProjectSettings):
        for field in fields(kind):
            if field.type in (int, float, "int", "float", float | None, "float | None"):
                found.append((kind, field.name))
    return found


@pytest.mark.parametrize(("kind", "name"), numbers())
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, 2**70, "5", [5], True])
def test_every_number_refuses_what_cannot_work(kind: type, name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name):
        made(kind, **{name: value})


@pytest.mark.parametrize("seed", [-1, 2**32, 2**63, 1.5])
def test_a_seed_that_no_generator_takes_is_refused(seed: object) -> None:
    with pytest.raises(SettingsError, match=r"seed is .*; expected 0 to 4,294,967,295"):
        made(ProjectSettings, seed=seed)


@pytest.mark.parametrize("seed", ["-1", str(2**32), "99999999999999999999"])
def test_new_refuses_such_a_seed_and_makes_nothing(tmp_path: Path, seed: str) -> None:
    said = run("new", tmp_path / "p", "--labels", "a,b", "--seed", seed, code=1).stderr
    assert "expected 0 to 4,294,967,295" in said
    assert not (tmp_path / "p").exists()


def store_raw(project: Project, **changes: object) -> None:
    """What an earlier release would have stored."""
    with writing(project.db) as db:
        told = json.loads(next(db.query("SELECT value FROM setting WHERE key = 'project'"))["value"])
        db.table("setting").upsert({"key": "project", "value": json.dumps(told | changes)}, pk="key")


@pytest.mark.parametrize(
    ("stored", "works"),
    [
        ({"seed": -1}, {"seed": 2**32 - 1}),
        ({"seed": 2**32}, {"seed": 0}),
        ({"seed": 2**80 + 7}, {"seed": 7}),
        ({"break_minutes": 100_000}, {"break_minutes": 1440}),
        ({"break_decisions": 10**9, "refresh_after": 10**7}, {"break_decisions": 100_000, "refresh_after": 100_000}),
        ({"seed": 5, "overlap": 3}, {"seed": 5, "overlap": 3}),
    ],
)
def test_projects_that_hold_such_numbers_open_and_are_mended(
    project: Project, stored: dict[str, int], works: dict[str, int]
) -> None:
    store_raw(project, **stored)
    open_project(project.folder)
    now = settings_of(project)
    assert {name: getattr(now, name) for name in works} == works
    change_settings(project, seed=8)
    assert answer("settings", project.folder)["seed"] == 8
    assert answer("settings", project.folder, "--seed", 9)["seed"] == 9


def test_more_tokens_need_no_other_setting() -> None:
    assert TrainSettings(max_tokens=8192).batch_tokens == TrainSettings().batch_tokens
