"""Each member of each closed set has its words in every language, and one that nobody knows never breaks a page."""

import ast
import os
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import psutil
import pytest
from page_parts import metrics, texts, version
from sources import nodes
from sqlite_utils import Database

from inffeed_core import store, wording
from inffeed_core.analysis.map_places import MAP_KINDS
from inffeed_core.analysis.slices import SliceKind
from inffeed_core.charts import versions
from inffeed_core.charts.palette import COLOUR_NAMES
from inffeed_core.data.encodings import ENCODINGS
from inffeed_core.data.layout import QUOTES, SEPARATORS
from inffeed_core.feedback.methods import METHODS
from inffeed_core.flags import reasons
from inffeed_core.flags.policies import POLICIES, RANKINGS
from inffeed_core.jobs.kinds import KINDS
from inffeed_core.labelling.settings import Means
from inffeed_core.project.downloads import FORMS
from inffeed_core.project.folder import Project
from inffeed_core.project.health import Severity
from inffeed_core.project.health_words import ENGLISH as HEALTH
from inffeed_core.project.putting_away import Away
from inffeed_core.project.roles import Right, Role
from inffeed_core.project.status import Step, status
from inffeed_core.records import UNDECIDED, Act, Evidence, Flag, JobState, SourceKind, Split
from inffeed_core.settings import SENT, Layers, Method, Recipe, Remedy, Rule, Scope, TfIdf, Vote
from inffeed_core.store.labels import LabelAct
from inffeed_core.store.proposals import ProposalState
from pages.components import navigation
from pages.components.decisions import CHANGED, DAYS
from pages.components.equal_texts import Kind
from pages.components.silver_import import WAYS
from pages.components.team_figures import PERIODS
from pages.components.team_people import NONE
from pages.languages import LANGUAGES

ROOT = Path(__file__).parents[2]
GOLD_TO_LEARN = (Split.TRAIN, Split.VALIDATION)
CLOSED = {
    "jobs.{}": [*KINDS, *(state for state in JobState if state in ("failed", "cancelled"))],
    "stages.{}": wording.STAGES,
    "endings.{}": list(wording.ENDINGS.values()),
    "acts.{}": Act,
    "sources.{}": SourceKind,
    "import.brings_{}": WAYS,
    "splits.{}": Split,
    "card.splits.{}": Split,
    "data.for_{}": Split,
    "charts.{}": [*Split, *get_args(Method), *(k for k in ("gold", "silver", "flagged"))],
    "card.past.{}": [act for act in Act if act is not Act.UNDO],
    "data.{}": Kind,
    "data.{}_said": Kind,
    "steps.{}": Step,
    "tiers.{}": get_args(Scope),
    "policies.{}": [*POLICIES, SENT],
    "orders.{}": [*POLICIES, SENT],
    "decisions.{}": [*DAYS, *CHANGED],
    "aims.{}": [p for p in POLICIES if p in ("class-influence", "likely-wrong")],
    "retraining.{}": get_args(Method),
    "retraining.about_{}": get_args(Method),
    "retraining.solved_by_{}": ("rows", "products"),
    "models.recipe_{}": get_args(Recipe),
    "models.layers_{}": get_args(Layers),
    "models.tfidf_{}": ("kept", *get_args(TfIdf)),
    "rules.{}": get_args(Rule),
    "home.{}": Away,
    "check.{}": Severity,
    "health.{}": HEALTH,
    "rights.{}": Right,
    "slices.{}": get_args(SliceKind),
    "explore.by_{}": MAP_KINDS,
    "explore.drawn_{}": MAP_KINDS,
    "team.{}": [*Role, NONE],
    "team.period_{}": PERIODS,
    "label_set.did_{}": LabelAct,
    "label_set.done_{}": LabelAct,
    "label_set.{}": [LabelAct.RETIRE, LabelAct.RESTORE, "up", "down"],
    "label_set.column_{}": ("key", "label", "texts", "state", "colour", "description"),
    "colours.{}": COLOUR_NAMES,
    "label_set.{}_help": [LabelAct.RETIRE, LabelAct.RESTORE],
    "feedback.{}": [*get_args(Remedy), *get_args(Vote), *ProposalState],
    "feedback.about_{}": get_args(Remedy),
    "feedback.why_{}": get_args(Remedy),
    "feedback.shown_{}": ("influencers", "voters", "further"),
    "label.{}": get_args(Means),
    "label.about_{}": get_args(Means),
    "encodings.{}": ENCODINGS,
    "forms.{}": ("plain", "cleanlab"),
    "data.form_{}": FORMS,
    "import.ask_{}": ("quotes", "header", "header_row"),
    "import.quotes_{}": QUOTES,
    "import.header_{}": ("yes", "no"),
    "import.delimiter_{}": SEPARATORS,
    "standing.{}": UNDECIDED,
    "core.{}-one-label": GOLD_TO_LEARN,
    "core.{}-lacks-labels": GOLD_TO_LEARN,
}
"""The phrase of every member, by the set that it belongs to."""


def phrase(words: object, place: str) -> object:
    for part in place.split("."):
        words = words[part]  # type: ignore[index]
    return words


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("place", CLOSED)
def test_every_member_has_its_words(code, place):
    head, _, pattern = place.rpartition(".")
    section = phrase(LANGUAGES[code].words, head)
    assert [member for member in CLOSED[place] if not section.get(pattern.format(str(member)))] == []


def test_what_is_a_table_by_type_is_one_by_code_too():
    assert set(METHODS) == set(get_args(Remedy))
    assert set(RANKINGS) == set(POLICIES)
    assert set(versions.METHOD_SYMBOLS) == set(get_args(Method))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("policy", [*POLICIES, SENT])
def test_every_order_of_flags_gives_a_reason(code, policy):
    flag = Flag("a", "text", "x", "y", 0.9, "y", 0.9, policy, 0.7, 1, 9)
    said = reasons.reason(flag, Evidence("a", (), ()), 3, LANGUAGES[code].words["reasons"])
    assert said
    assert policy not in said or policy == "random"


def test_no_reason_has_the_code_of_an_order_that_a_reason_names():
    """Pages say both from one table. That of a random order is never named by its rank."""
    assert set(reasons.ENGLISH) & {*POLICIES, SENT} == {"random"}


@cache
def calls(folder: Path) -> list[tuple[Path, ast.Call]]:
    paths = sorted(folder.rglob("*.py"))
    return [(path, node) for path in paths for node in nodes(path) if isinstance(node, ast.Call)]


def test_every_stage_that_the_core_reports_is_in_the_table():
    said: dict[str, str] = {}
    for path, call in calls(ROOT / "inffeed_core"):
        named = ast.unparse(call.func).rpartition(".")[2].lstrip("_")
        place = {"progress": 0, "one_pass": 1, "pulled_rows": 2}.get(named)
        if "studies" in path.parts or place is None or place >= len(call.args):
            continue
        assert not isinstance(call.args[place], ast.JoinedStr), f"{path}:{call.lineno}: a stage with a value in it"
        if isinstance(call.args[place], ast.Constant):
            said[str(call.args[place].value)] = f"{path.name}:{call.lineno}"
    assert len(said) > 20
    assert {stage: place for stage, place in said.items() if stage not in wording.STAGES} == {}
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "inffeed_core").rglob("*.py"))
    assert [stage for stage in wording.STAGES if source.count(f'"{stage}"') < 2] == []


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_sentence_of_the_core_can_be_said(code):
    core = LANGUAGES[code].words["core"]
    for _, call in calls(ROOT / "inffeed_core"):
        if ast.unparse(call.func) == "Sentence" and call.args:
            for node in ast.walk(call.args[0]):
                if isinstance(node, ast.Constant) and isinstance(call.args[0], (ast.Constant, ast.IfExp)):
                    assert not isinstance(node.value, str) or node.value in core


def constants() -> tuple[set[str], str]:
    """(every string in the sources that is no key of a table, all scripts together)."""
    found: set[str] = set()
    for path in [ROOT / "app.py", *(ROOT / "inffeed_core").rglob("*.py"), *(ROOT / "pages").rglob("*.py")]:
        if "languages" in path.parts:
            continue
        keys = {
            id(key)
            for node in nodes(path)
            if path.name in ("wording.py", "reasons.py") and isinstance(node, ast.Dict)
            for key in node.keys
        }
        found |= {
            node.value
            for node in nodes(path)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys
        }
    return found, "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "pages").rglob("*.js"))


def test_no_phrase_is_left_over():
    found, scripts = constants()
    known = {place.format(str(member)) for place, members in CLOSED.items() for member in members}
    prefixes = {one for one in found if re.fullmatch(r"[a-z][a-z0-9-]*-", one)}
    made = re.findall(r"[`.]([a-z_]*)\$\{[^}]+\}([a-z_]*)`", scripts)
    filled = [re.compile(rf"{before}\w+{after}") for before, after in made if before or after]
    unused = []
    for section, words in LANGUAGES["en"].words.items():
        for name in words:
            bare = re.sub(r"_(one|many|help|empty)$", "", name)
            used = {f"{section}.{name}", f"{section}.{bare}"} & (found | known)
            if section in (
                "core",
                "charts",
                "report",
                "reasons",
                "plain",
                "decisions",
                "agreement",
                "explore",
                "columns",
                "import",
                "models",
                "standing",
                "feedback",
                "label",
            ):
                used |= {name, bare} & found or {one for one in prefixes if name.startswith(one)}
            if section == "card":
                used |= {name, bare} & set(re.findall(r"\w+", scripts)) or {name, bare} & found
                used |= {one for one in filled if one.fullmatch(name)}
            if not used and not any(one.startswith(f"{section}.{name}.") for one in known):
                unused.append(f"{section}.{name}")
    assert unused == []


def begun(db: Database, kind: str) -> None:
    """A job of this kind that this very process does."""
    store.enqueue(db, "job1", kind, {})
    store.attach_process(db, "job1", os.getpid(), psutil.Process().create_time())
    store.mark_running(db, "job1")


PAGE_NAMES = [Path(file).stem for file, *_ in navigation.PAGES]


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("kind", [*KINDS, "teleport"])
def test_no_kind_of_job_breaks_home_while_it_runs(open_page, reviewable_project: Project, kind, code):
    with store.writing(reviewable_project.db) as db:
        begun(db, kind)
        store.report(db, "job1", stage="Scoring", done=1, total=2)
    page = open_page("home", reviewable_project, language=code)
    shown = texts(page) + "".join(str(one.proto.text) for one in page.get("progress"))
    assert kind in shown if kind == "teleport" else LANGUAGES[code].words["jobs"][kind] in shown
    if code != "en":
        assert "Scoring" not in shown


@pytest.mark.parametrize("name", PAGE_NAMES)
@pytest.mark.parametrize("kind", ["train", "teleport"])
@pytest.mark.parametrize("ended", [JobState.FAILED, JobState.CANCELLED, None])
def test_no_kind_of_job_breaks_a_page(open_page, reviewable_project: Project, name, kind, ended):
    with store.writing(reviewable_project.db) as db:
        begun(db, kind)
        if ended:
            store.end_job(db, "job1", ended, error="It did not work.")
    open_page(name, reviewable_project)


def test_an_order_of_another_release_is_shown_by_its_name(open_page, reviewable_project: Project):
    with store.writing(reviewable_project.db) as db:
        add = "INSERT INTO ranking SELECT analysis, 'by-moonlight', rank, instance, score FROM ranking WHERE policy = ?"
        db.execute(add, [POLICIES[0]])
    page = open_page("explore", reviewable_project, explore_view="Rankings")
    assert "by-moonlight" in page.dataframe[0].value.to_string()


def test_a_version_by_a_method_of_another_release_is_drawn():
    one = replace(version("v1", None, metrics(0.8)), settings={"method": "by-moonlight"})
    assert "by-moonlight" in {trace.name for trace in versions.learning_curve([one]).data}


def test_the_next_step_names_the_job_in_the_language_of_the_page(reviewable_project: Project):
    with store.writing(reviewable_project.db) as db:
        begun(db, "retrain")
        store.report(db, "job1", stage="Scoring", done=0, total=0)
    sentence = status(reviewable_project).next_step.sentence
    assert sentence == "A job is under way: retrain (Scoring)."
    words = LANGUAGES["zh"].words
    said = wording.reworded(sentence, words["core"], words)
    assert not re.search("[A-Za-z]", said)
