import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from filelock import FileLock
from quiet import quiet
from sample import write_sample_set

from inffeed_core.cli import main
from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import RANKINGS
from inffeed_core.settings import DEFAULT_MODEL
from inffeed_core.silver.beliefs import Beliefs
from inffeed_core.studies.draws import RepairSet, drawn, load, read, told_apart
from inffeed_core.studies.evidence.tables import Evidence, unreviewed
from inffeed_core.studies.repair.audit import AUDIT
from inffeed_core.studies.repair.review import COMMONEST, GOLD_ONLY, Study, answers, wrong
from inffeed_core.studies.repair.rivals import RIVALS
from inffeed_core.studies.repair.runs import Places, RepairSettings, complete, run


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("repair")
    write_sample_set(folder / "sample.jsonl.gz")
    return folder


@pytest.fixture(scope="module")
def study(sample_set: RepairSet) -> Study:
    draw = drawn(sample_set, 0)
    return Study(draw, answers(draw, 0.0, 0))


@pytest.fixture(scope="module")
def two_runs(sets: Path, sample_features: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of seeds 0 and 1, made by this process alone."""
    places = Places(sets, sample_features, tmp_path_factory.mktemp("runs") / "runs.jsonl")
    complete(places, ["sample"], 2, settings("random"), 1, quiet)
    return places.results


@pytest.fixture(scope="module")
def at_once(sample_set: RepairSet) -> list[dict[str, object]]:
    """The rows of seed 0 for these rankings."""
    return list(run(sample_set, 0, AT_ONCE))


def settings(*once: str, rounds: tuple[str, ...] = (), budgets: tuple[float, ...] = (0.1,)) -> RepairSettings:
    return RepairSettings(budgets, once, rounds, model=DEFAULT_MODEL)


AT_ONCE = settings("gold-loss", "confident-learning", "random", budgets=(0.1, 1.0))


def test_a_draw_is_another_sample_for_every_seed_and_the_same_for_one(sample_set: RepairSet):
    first, again, other = drawn(sample_set, 0), drawn(sample_set, 0), drawn(sample_set, 1)
    assert first.texts == again.texts != other.texts
    assert len(set(first.texts)) == len(first.texts) == len(first.gold) == 64 + 240
    assert set(first.texts[:64]) <= set(sample_set.texts[: sample_set.seed_rows])
    place = {text: i for i, text in enumerate(sample_set.texts)}
    rows = [place[text] for text in first.texts]
    assert sample_set.both is not None
    read = sample_set.features if first.layers == "last" else sample_set.both[0]
    assert torch.equal(first.features, read[rows])
    assert torch.equal(first.silver, torch.cat([sample_set.gold[: sample_set.seed_rows], sample_set.silver])[rows[64:]])


def test_texts_of_another_kind_are_told_apart(sample_set: RepairSet):
    validation, test = sample_set.validation[0], sample_set.test[0]
    assert 0.3 < told_apart(validation, test) < 0.65
    assert told_apart(validation, test + 0.3) > 0.9


def test_checking_everything_by_any_policy_ends_at_gold_for_all(at_once: list[dict[str, object]]):
    plain = {row["policy"]: row for row in at_once if row["training"] == "plain"}  # the last: of the largest budget
    assert plain["gold-loss"]["checked"] == plain["random"]["checked"] == 240
    assert plain["gold-loss"]["precision"] == pytest.approx(plain["none"]["silver_error"])
    assert plain["gold-loss"]["macro_f1"] == plain["random"]["macro_f1"]


def test_rankings_find_more_wrong_labels_than_there_are_on_average(study: Study):
    errors = wrong(study.draw)
    for name in ("gradient-dot", "fast-if", "representation", "oracle"):
        first = np.argsort(-RIVALS[name](study), kind="stable")[:24]
        assert errors[first].mean() > errors.mean(), name
    assert errors[np.argsort(-RIVALS["oracle"](study), kind="stable")[:24]].all()


def test_a_policy_ranks_the_same_whether_or_not_the_others_are_asked(study: Study):
    together = study.ranked(RANKINGS, 0)
    for policy, ranking in RANKINGS.items():
        np.testing.assert_array_equal(study.ranked({policy: ranking}, 0)[policy], together[policy])


def test_a_review_in_rounds_asks_for_no_text_twice_and_learns_from_the_answers(sample_set: RepairSet):
    rows = list(run(sample_set, 0, settings(rounds=("gold-loss",), budgets=(0.05, 0.1, 0.2))))
    plain = [row for row in rows if row["training"] == "plain" and row["policy"] == "gold-loss"]
    assert [row["checked"] for row in plain] == [12, 24, 48]
    assert len({row["macro_f1"]["argmax"] for row in plain}) > 1


def test_a_tired_annotator_errs_as_often_as_told(sample_set: RepairSet):
    truth = sample_set.gold[sample_set.seed_rows :]
    assert torch.equal(answers(sample_set, 0.0, 0), truth)
    share = (answers(sample_set, 0.2, 0) != truth).double().mean()
    assert 0.12 < share < 0.28


def test_runs_repeat_exactly(sample_set: RepairSet, at_once: list[dict[str, object]]):
    assert list(run(sample_set, 0, AT_ONCE)) == at_once


def test_what_a_kill_tore_is_made_again_and_the_rest_is_not(
    sets: Path, sample_features: Path, two_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    places = Places(sets, sample_features, Path(shutil.copy(two_runs, tmp_path)))
    made = []
    monkeypatch.setattr(
        "inffeed_core.studies.repair.runs.run", lambda data, seed, *rest: made.append(seed) or run(data, seed, *rest)
    )
    rows = complete(places, ["sample"], 2, settings("random"), 1, quiet)
    assert made == []
    places.results.write_bytes(two_runs.read_bytes()[:-200])  # seed 1 has lost its end
    again = complete(places, ["sample"], 2, settings("random"), 1, quiet)
    assert made == [1]
    timeless = [[{k: v for k, v in row.items() if k != "seconds"} for row in found] for found in (rows, again)]
    assert timeless[0] == timeless[1]
    assert complete(places, ["sample"], 2, settings("random"), 1, quiet) == again
    assert made == [1]


def test_a_results_file_is_written_by_one_process_at_a_time(sets: Path, sample_features: Path, tmp_path: Path):
    places = Places(sets, sample_features, tmp_path / "runs.jsonl")
    with FileLock(tmp_path / "runs.jsonl.lock"), pytest.raises(NotReady, match="Another process is writing"):
        complete(places, ["sample"], 1, settings("random"), 1, quiet)
    assert not places.results.exists()
    assert complete(places, ["sample"], 1, settings("random"), 1, quiet)


def test_several_workers_give_what_one_gives(sets: Path, sample_features: Path, two_runs: Path, tmp_path: Path):
    one, two = (
        complete(Places(sets, sample_features, results), ["sample"], 2, settings("random"), workers, quiet)
        for results, workers in ((two_runs, 1), (tmp_path / "2", 2))
    )
    reviews = [[row for row in rows if row["policy"] != AUDIT[0]] for rows in (one, two)]
    scores = [{(r["seed"], r["policy"], r["training"]): r["macro_f1"]["argmax"] for r in rows} for rows in reviews]
    assert scores[0].keys() == scores[1].keys()
    for key, value in scores[0].items():
        assert scores[1][key] == pytest.approx(value, abs=0.02)  # sums of another number of threads round differently


def test_rows_hold_what_was_predicted(at_once: list[dict[str, object]]):
    found, contender = Evidence(at_once), ("gold-loss", "once", "plain")
    low, after = found.before("sample")[0], found.f1("sample", contender, 0.1)[0]
    assert found.share(["sample"], contender, 0.1) == pytest.approx((after - low) / (found.top("sample")[0] - low))
    [predicted] = found.predicted(["sample"], contender, [0.1])["sample"]
    assert predicted.macro_f1(np.ones((1, len(predicted.gold)))) == pytest.approx(after)
    assert found.lead(["sample"], contender, unreviewed("plain"), [0.1]).interval.value == pytest.approx(after - low)
    assert found.before("sample", COMMONEST)[0] < found.before("sample", GOLD_ONLY)[0]
    assert found.family("real") == ["sample"]
    assert found.family("model") == []


def test_the_command_prints_a_table_and_writes_the_report(sets: Path, sample_features: Path, tmp_path: Path):
    arguments = ["bench", "repair", "--data", str(sets), "--budgets", "5,10", "--policies", "gold-loss,random,oracle"]
    arguments += ["--seeds", "2", "--cache", str(sample_features), "--results", str(tmp_path / "runs.jsonl")]
    told = CliRunner().invoke(main, [*arguments, "--report", str(tmp_path / "docs")])
    assert told.exit_code == 0, told.output
    assert "| gold-loss, plain | " in told.stdout
    page = (tmp_path / "docs" / "evidence.md").read_text(encoding="utf-8")
    assert "## Caveats" in page
    assert "nan" not in page
    for plot in ("sample", "mean-real", "precision"):
        assert f"evidence/{plot}.svg" in page
        assert "nan" not in (tmp_path / "docs" / "evidence" / f"{plot}.svg").read_text(encoding="utf-8")
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).stdout)
    assert {(r["policy"], r["mode"]) for r in rows} >= {("none", "none"), ("gold-loss", "once"), ("oracle", "once")}


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (["--budgets", "0"], "above 0"),
        (["--budgets", "many"], "not a list of numbers"),
        (["--policies", "best"], "choose from"),
        (["--train", "hard"], "choose from"),
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


def with_sources(given: Path, path: Path, count: int) -> None:
    """The sample set as a file whose gold texts carry silver labels too, and whose sources err where `k % count`."""
    with gzip.open(given, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    labels = sorted({row["gold"] for row in rows})

    def said(k: int, source: int) -> str | None:
        wrong = (k + source) % (3 + source) == 0
        return None if k % 50 == source else labels[(labels.index(rows[k]["gold"]) + wrong) % len(labels)]

    for k, row in enumerate(rows):
        row |= {"silvers": {f"s{n}": said(k, n) or row["gold"] for n in range(count)}, "source": "s0"}
        row["silver"] = row["silvers"]["s0"]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def test_sources_that_label_gold_too_are_heard_as_the_product_hears_them(
    sets: Path, sample_features: Path, tmp_path: Path
):
    with_sources(sets / "sample.jsonl.gz", tmp_path / "heard.jsonl.gz", 3)
    one, every = (read(tmp_path, "heard", sources) for sources in ("one", "all"))
    assert one.said is not None
    assert every.said is not None
    assert every.steering is not None
    assert one.said.labels.shape[1] == 1
    assert every.said.labels.shape[1] == 3
    assert torch.equal(every.said.labels[every.seed_rows :, 0], every.silver)
    draw = drawn(load(tmp_path, "heard", DEFAULT_MODEL, sample_features, quiet, sources="all"), 0)
    assert draw.said is not None
    assert len(draw.said.labels) == len(draw.texts)
    reviewed = Study(draw, answers(draw, 0.0, 0))
    reviewed.check(torch.arange(20))
    whole = Beliefs(reviewed.learned, draw.validation, draw.steering).posterior(reviewed.start.trust)
    assert torch.allclose(reviewed.posterior(reviewed.start.trust), whole)
    doubt = reviewed.ranked({"likely-wrong": RANKINGS["likely-wrong"]}, 0)["likely-wrong"]
    assert wrong(draw)[np.argsort(-doubt)[:20]].mean() > 2 * wrong(draw).mean()


def test_a_set_with_a_single_source_has_no_others_to_hear(sets: Path):
    with pytest.raises(NotReady, match="--sources all needs two"):
        read(sets, "sample", "all")
    assert read(sets, "sample").said is None


def test_a_draw_pools_the_layers_that_its_validation_prefers(sample_set: RepairSet) -> None:
    draw, width = drawn(sample_set, 0), sample_set.features.shape[1]
    assert sample_set.both is not None
    assert draw.both is None
    assert draw.layers in ("last", "middle+last")
    wide = draw.layers == "middle+last"
    assert {part.shape[1] for part in (draw.features, draw.validation[0], draw.test[0])} == {width * (1 + wide)}
    assert torch.equal(draw.silver, drawn(replace(sample_set, both=None), 0).silver)


def test_named_layers_are_taken(sample_set: RepairSet, sample_features: Path, tmp_path: Path) -> None:
    write_sample_set(tmp_path / "sample.jsonl.gz")
    both = load(tmp_path, "sample", DEFAULT_MODEL, sample_features, lambda *_: None, layers="middle+last")
    assert drawn(both, 0).layers == "middle+last"
    assert both.features.shape[1] == 2 * sample_set.features.shape[1]
    last = load(tmp_path, "sample", DEFAULT_MODEL, sample_features, lambda *_: None, layers="last")
    assert (last.both, drawn(last, 0).layers) == (None, "last")
