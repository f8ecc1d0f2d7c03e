"""Several annotators in simulated time: each flag gets its answers and no more, and nobody waits while there are flags.

Network delays, closed tabs, lost networks and sleeping machines are drawn by lot; each seed is another day.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from reviewing import Filling, make_reviewable
from simulated import BEAT, Browser, Hall

from inffeed_core import store
from inffeed_core.project.folder import Project, change_settings

SILVER = 24


def answers_by_flag(project: Project) -> dict[str, list[str]]:
    with store.reading(project.db) as db:
        rows = list(db.query("SELECT instance, annotator FROM standing ORDER BY instance, annotator"))
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["instance"], []).append(row["annotator"])
    return found


def hall(folder: Path, seed: int, overlap: int, silver: int, monkeypatch: pytest.MonkeyPatch) -> Hall:
    project = make_reviewable(folder, Filling(silver=silver))
    change_settings(project, overlap=overlap, lease_minutes=2)
    return Hall(project, seed, monkeypatch)


def enter(hall: Hall, count: int, slowest: float = 10.0) -> list[Browser]:
    """Annotators of different speed, who come one after another."""
    chance, browsers = hall.chance, []
    for n in range(count):
        pace = chance.uniform(1.0, slowest)
        browser = Browser(
            hall, f"a{n}", lambda pace=pace: chance.expovariate(1 / pace), lambda: chance.uniform(0.02, 1.5)
        )
        browsers.append(browser)
        hall.after(n * chance.uniform(0.1, 5), browser.open)
    return browsers


def done(browsers: list[Browser], answers: int) -> bool:
    """Whether all answers are stored, and every browser knows what became of its own."""
    return not any(b.outbox for b in browsers) and sum(len(b.shown) for b in browsers) >= answers


def check(hall: Hall, overlap: int, browsers: list[Browser]) -> None:
    given = answers_by_flag(hall.project)
    assert sum(map(len, given.values())) == sum(len(b.shown) for b in browsers)
    assert {len(names) for names in given.values()} == {overlap}
    assert all(len(set(names)) == overlap for names in given.values())
    said = sorted((id, b.name) for b in browsers for id in b.shown)
    assert said == sorted((id, name) for id, names in given.items() for name in names)


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_each_flag_gets_its_answers_while_all_stay(tmp_path, monkeypatch, overlap, seed):
    day = hall(tmp_path / "p", seed, overlap, SILVER, monkeypatch)
    browsers = enter(day, 5)
    day.run(lambda: done(browsers, overlap * SILVER), at_most=3600)
    check(day, overlap, browsers)
    assert [b.passed_on for b in browsers] == [[]] * 5
    assert max(b.waited for b in browsers) < BEAT + 10


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_each_flag_gets_its_answers_whoever_goes_and_comes_back(tmp_path, monkeypatch, overlap, seed):
    day = hall(tmp_path / "p", 10 + seed, overlap, SILVER, monkeypatch)
    browsers = enter(day, 5)
    for browser in browsers[1:]:
        for _ in range(2):
            how = day.chance.choice([Browser.close, Browser.lose_network, Browser.fall_asleep])
            long = day.chance.choice([3.0, 20.0, 60.0, 200.0])
            day.after(day.chance.uniform(5, 150), lambda b=browser, how=how, long=long: b.away or how(b, long))
    day.run(lambda: done(browsers, overlap * SILVER), at_most=3600)
    check(day, overlap, browsers)


def let_pass(day: Hall, until: Callable[[], bool]) -> None:
    day.run(until, at_most=7200)


@pytest.mark.parametrize("overlap", [1, 2, 3])
def test_six_who_take_turns_answer_as_many_each(tmp_path, monkeypatch, overlap):
    day = hall(tmp_path / "p", 1, overlap, 60 // overlap, monkeypatch)
    browsers = [Browser(day, f"a{n}", lambda: 1e9, lambda: 0.1) for n in range(6)]
    for browser in browsers:
        browser.open()
    passed: Counter[str] = Counter()
    while sum(len(b.shown) for b in browsers) < 60:
        for browser in browsers:
            let_pass(day, lambda end=day.time + 0.5: day.time >= end)
            let_pass(day, lambda b=browser, end=day.time + 15: bool(b.queue) or day.time >= end)
            passed[browser.name] += not browser.queue
            browser.answer()
    day.run(lambda: not any(b.outbox for b in browsers), at_most=7200)
    check(day, overlap, browsers)
    assert not any(passed.values()) if overlap == 1 else max(passed.values()) <= 1, passed
