import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sample import write_sample_set

from inffeed_core.cli import main
from inffeed_core.errors import NotReady
from inffeed_core.evaluation.repair import RepairSet, bounds, load, trials
from inffeed_core.settings import DEFAULT_MODEL


def quiet(stage: str, done: int, total: int) -> None:
    pass


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repair")
    write_sample_set(folder / "sample.jsonl.gz")
    return folder


def test_checking_everything_by_any_policy_ends_at_the_true_labels(sample_set: RepairSet):
    one, other = trials(sample_set, [1.0], ["expected-gain", "random"], 0, quiet)
    assert one.checked == other.checked == 300
    assert one.precision == other.precision == bounds(sample_set).silver_error == pytest.approx(1 / 3)
    assert one.after == other.after


def test_a_good_ranking_finds_more_wrong_labels_than_chance(sample_set: RepairSet):
    found = {t.policy: t.precision for t in trials(sample_set, [0.1], ["expected-gain", "gold-loss"], 0, quiet)}
    assert min(found.values()) > 0.45  # a third is wrong


def test_trials_repeat_exactly(sample_set: RepairSet):
    first, again = (list(trials(sample_set, [0.05], ["confident-learning", "random"], 7, quiet)) for _ in range(2))
    assert first == again


def test_the_command_prints_a_table_and_json(sets: Path, sample_features: Path):
    arguments = ["bench", "repair", "--data", str(sets), "--budgets", "5,10", "--policies", "expected-gain,random"]
    arguments += ["--cache", str(sample_features)]
    table = CliRunner().invoke(main, arguments)
    assert table.exit_code == 0, table.output
    assert "| expected-gain | " in table.stdout
    assert "5% checked" in table.stdout
    (result,) = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert result["bounds"]["silver"] == 300
    assert [(t["policy"], t["checked"]) for t in result["trials"]] == [
        ("expected-gain", 15),
        ("expected-gain", 30),
        ("random", 15),
        ("random", 30),
    ]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--budgets", "0"], "above 0"),
        (["--budgets", "many"], "no list of numbers"),
        (["--policies", "best"], "known are"),
    ],
)
def test_wrong_options_are_refused(sets: Path, extra: list[str], said: str):
    refused = CliRunner().invoke(main, ["bench", "repair", "--data", str(sets), *extra])
    assert refused.exit_code == 2
    assert said in refused.output


def test_a_missing_set_names_those_there_are(sets: Path, tmp_path: Path):
    with pytest.raises(NotReady, match="sets in that folder: sample"):
        load(sets, "irony", DEFAULT_MODEL, tmp_path, quiet)


def test_the_fidelity_command_tells_what_refits_gave(sets: Path, sample_features: Path):
    arguments = ["bench", "fidelity", "--data", str(sets), "--refits", "6", "--rows", "200"]
    told = CliRunner().invoke(main, [*arguments, "--cache", str(sample_features), "--json"])
    assert told.exit_code == 0, told.output
    removal, plain, relabelling = json.loads(told.stdout)
    assert [one["kind"] for one in (removal, plain, relabelling)] == [
        "removal",
        "removal without leverage correction",
        "relabelling",
    ]
    assert (removal["rows"], removal["refits"]) == (200, 6)
    assert removal["pearson"] > 0.9
    assert relabelling["pearson"] > 0.9
