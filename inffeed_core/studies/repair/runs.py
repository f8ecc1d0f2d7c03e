"""Runs of the repair experiment: which, in what order, kept where.

A *run* is one set with one seed: every policy at every budget and every way of training. Its results are JSON lines,
appended in one write when it is complete; lines torn by a kill are dropped on the next start, and only missing
runs are made. A run's lines carry the settings, so that results of other settings in the same file stay separate.
"""

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout

from inffeed_core.errors import NotReady
from inffeed_core.flags.policies import RANKINGS, Floats, Ints, order
from inffeed_core.records import Progress
from inffeed_core.settings import FineTuneSettings, Layers, Rule
from inffeed_core.studies import json_lines
from inffeed_core.studies.draws import RepairSet, Sources, drawn, load, read, told_apart
from inffeed_core.studies.repair.audit import AUDIT, audits
from inffeed_core.studies.repair.review import (
    ALL_GOLD,
    COMMONEST,
    GOLD_ONLY,
    TRAININGS,
    Study,
    answers,
    commonest,
    f1_of,
    knowing_all,
    wrong,
)
from inffeed_core.studies.repair.rivals import RIVALS
from inffeed_core.studies.trainers import Tuning, tuned_on_seed

Row = Mapping[str, Any]
BASELINE = "none"
"""The policy named in the rows with the score of each training before any review."""


@dataclass(frozen=True, slots=True)
class RepairSettings:
    """What every run measures."""

    budgets: tuple[float, ...]
    """Shares of the silver checked, rising, 0 to 1."""
    once: tuple[str, ...]
    """Policies that rank once, before any review."""
    rounds: tuple[str, ...]
    """Policies that rank again after each budget is spent."""
    trainings: tuple[str, ...] = TRAININGS
    noise: float = 0.0
    """How often the annotator errs, 0 to 1."""
    model: str = ""
    fine_tune: FineTuneSettings | None = None
    """How the model is first fine-tuned on the seed gold of each draw; None leaves it frozen."""
    sources: Sources = "one"
    """Whose silver labels are heard."""
    layers: Layers = "auto"
    """The layers that a frozen encoder's features are pooled from; a fine-tuned one has only the last."""
    balanced: bool = False
    """Whether the heads that are scored are taught classes of equal weight."""
    form: int = 4
    """Of the rows; runs whose rows had another form are made again."""

    def fingerprint(self) -> str:
        """Hash of these settings."""
        given = {name: value for name, value in asdict(self).items() if value is not None}
        if self.layers == "last" or self.fine_tune is not None:  # as before there was a choice
            del given["layers"]
        if not self.balanced:  # as before there was a choice
            del given["balanced"]
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:12]


def known_policies() -> tuple[str, ...]:
    """All policies: the product's, then the rivals."""
    return (*RANKINGS, *RIVALS)


def run(data: RepairSet, seed: int, settings: RepairSettings, tuning: Tuning | None = None) -> Iterator[Row]:
    """One set with one seed, on request with its transformer first fine-tuned on the drawn seed gold. Deterministic.

    Yields the rows with the score of each training before any review, those of every policy, and those of the audit.
    """
    draw = drawn(data, seed)
    if tuning is not None:
        draw = tuned_on_seed(draw, tuning, lambda *_: None)
    given = answers(draw, settings.noise, seed)
    study = Study(draw, given, balance=settings.balanced)
    errors = wrong(draw)
    about = {"set": data.name, "seed": seed, "settings": settings.fingerprint(), "silver_error": float(errors.mean())}
    about |= {"silver": len(errors), "silver_from": draw.silver_from, "layers": draw.layers}
    about |= {"noise": settings.noise} if settings.noise else {}
    about |= {"sources": 1 if draw.said is None else draw.said.labels.shape[1]} if settings.sources == "all" else {}
    yield from ({**about, **row} for row in _before(study, settings, errors))
    scores = study.ranked({p: RANKINGS[p] for p in settings.once if p in RANKINGS}, seed)
    scores |= {p: RIVALS[p](study) for p in settings.once if p in RIVALS}
    for policy in settings.once:
        again = Study(draw, given, study.start, balance=settings.balanced)
        for budget in settings.budgets:
            _spend(again, scores[policy], budget)
            found = {"policy": policy, "mode": "once", "ap": _average_precision(errors, scores[policy])}
            yield from ({**about, **row} for row in _scored(again, settings, errors, budget=budget, **found))
    for policy in settings.rounds:
        again = Study(draw, given, study.start, balance=settings.balanced)
        for budget in settings.budgets:
            _spend(again, again.ranked({policy: RANKINGS[policy]}, seed)[policy], budget)
            found = {"policy": policy, "mode": "rounds"}
            yield from ({**about, **row} for row in _scored(again, settings, errors, budget=budget, **found))
    named = dict(zip(("policy", "mode", "training"), AUDIT, strict=True))
    yield from ({**about, **named, "budget": 0.0, **row} for row in audits(draw, seed))


def _before(study: Study, settings: RepairSettings, errors: np.ndarray) -> Iterator[Row]:
    """The rows without any review: of each training, of the commonest class, and of gold for all. They also hold what
    the set is like."""
    draw = study.draw
    silver = {label: int((draw.silver == c).sum()) for c, label in enumerate(draw.labels)}
    about = {"policy": BASELINE, "mode": "none", "budget": 0.0, "classes": len(draw.labels), "silver_counts": silver}
    about |= {"gold": packed(draw.test[1].numpy()), "shift": told_apart(draw.validation[0], draw.test[0])}
    yield from _scored(study, settings, errors, **about)
    known = knowing_all(draw, balance=settings.balanced)
    for training, decided in ((COMMONEST, commonest(draw)), (ALL_GOLD, known)):
        yield {**about, "training": training, **_outcome(decided, draw)}


def _outcome(decided: Mapping[Rule, Ints], draw: RepairSet) -> Row:
    """Macro-F1 on test and what was decided, by decision rule."""
    return {
        "macro_f1": {rule: f1_of(classes, draw) for rule, classes in decided.items()},
        "decided": {rule: packed(classes) for rule, classes in decided.items()},
    }


def packed(classes: Ints) -> str:
    """Class numbers [t], below 256, in a word of JSON."""
    return base64.b64encode(zlib.compress(classes.astype(np.uint8).tobytes(), 9)).decode()


def unpacked(word: str) -> Ints:
    """Inverse of `packed`."""
    return np.frombuffer(zlib.decompress(base64.b64decode(word)), dtype=np.uint8).astype(np.int64)


def _spend(study: Study, scores: Floats, budget: float) -> None:
    """Check the first unchecked texts, up to this share of all."""
    allowed = max(1, round(budget * len(scores))) - int(study.known.sum())
    ranking = order(np.where(study.known.numpy(), -np.inf, scores))
    ranking = ranking[~study.known.numpy()[ranking]]
    study.check(torch.from_numpy(ranking[: max(0, allowed)].copy()))


def _scored(study: Study, settings: RepairSettings, errors: np.ndarray, **about: object) -> Iterator[Row]:
    checked = study.known.numpy()
    facts = {
        **about,
        "checked": int(checked.sum()),
        "precision": float(errors[checked].mean()) if checked.any() else None,
    }
    for training in (*settings.trainings, *([] if checked.any() else [GOLD_ONLY])):
        found = _outcome(study.decided(training), study.draw)
        yield {**facts, "training": training, "way": study.way(training), "trust": study.start.trust, **found}


def _average_precision(errors: np.ndarray, scores: Floats) -> float | None:
    from sklearn.metrics import average_precision_score

    finite = np.where(np.isfinite(scores), scores, scores[np.isfinite(scores)].min(initial=0.0) - 1)
    return float(average_precision_score(errors, finite)) if errors.any() else None


@dataclass(frozen=True, slots=True)
class Places:
    """Where sets, features and results are."""

    data: Path
    cache: Path
    results: Path


def complete(
    places: Places, sets: Sequence[str], seeds: int, settings: RepairSettings, workers: int, progress: Progress
) -> list[Row]:
    """Make the runs missing from the results file, several at a time, and return the rows of all. Raises NotReady, …

    Only one process at a time may write a results file: two would make the same runs, and count them twice.
    """
    with _held(places.results):
        return _completed(places, sets, seeds, settings, workers, progress)


@contextmanager
def _held(results: Path) -> Iterator[None]:
    results.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(results.with_name(results.name + ".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise NotReady(f"Another process is writing {results}; wait for it, or name another file.") from error
    try:
        yield
    finally:
        lock.release()


def _completed(
    places: Places, sets: Sequence[str], seeds: int, settings: RepairSettings, workers: int, progress: Progress
) -> list[Row]:
    wanted = [(name, seed) for seed in range(seeds) for name in sets]
    rows = kept(places.results, settings)
    done = {(row["set"], row["seed"]) for row in rows}
    missing = [one for one in wanted if one not in done]
    if settings.fine_tune is None:
        for name in dict.fromkeys(name for name, _ in missing):
            about = (places.data, name, settings.model, places.cache, progress)
            load(*about, layers=settings.layers)  # encode once, before several need it
    for number, found in enumerate(_made(places, missing, settings, workers, progress), 1):
        _append(places.results, found)
        rows += found
        progress("Reviewing", number, len(missing))
    return [row for row in rows if (row["set"], row["seed"]) in set(wanted)]


def kept(results: Path, settings: RepairSettings) -> list[Row]:
    """The rows of complete runs with these settings; incomplete runs left by a kill are removed from the file."""
    if not results.is_file():
        return []
    content = results.read_bytes()
    lines = content[: content.rfind(b"\n") + 1].splitlines(keepends=True)
    rows = [json.loads(line) for line in lines]
    ended = {_run_of(row) for row in rows if row.get("ended")}
    whole = b"".join(line for line, row in zip(lines, rows, strict=True) if _run_of(row) in ended)
    if whole != content:
        mended = results.with_name(results.name + ".mended")
        mended.write_bytes(whole)
        mended.replace(results)
    mine = [row for row in rows if _run_of(row) in ended and row["settings"] == settings.fingerprint()]
    return [row for row in mine if not row.get("ended")]


def tired(results: Path) -> list[Row]:
    """The rows of all complete runs in which the annotator erred. Raises NotReady if there are none."""
    return _marked(results, "noise", "an annotator who errs; make one with --noise-rate 0.1")


def hearing_all(results: Path) -> list[Row]:
    """The rows of all complete runs in which every source was heard. Raises NotReady if there are none."""
    return _marked(results, "sources", "several sources; make one with --sources all")


def _marked(results: Path, mark: str, wanted: str) -> list[Row]:
    rows = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    ended = {_run_of(row) for row in rows if row.get("ended")}
    found = [row for row in rows if row.get(mark) and _run_of(row) in ended]
    if not found:
        raise NotReady(f"{results} holds no complete run of {wanted}.")
    return found


def _run_of(row: Row) -> tuple[str, int, str]:
    return row["set"], row["seed"], row["settings"]


def _append(results: Path, rows: Sequence[Row]) -> None:
    end = {name: rows[0][name] for name in ("set", "seed", "settings")} | {"ended": True}
    json_lines.append(results, (*rows, end))


def _made(
    places: Places, missing: Sequence[tuple[str, int]], settings: RepairSettings, workers: int, progress: Progress
) -> Iterator[list[Row]]:
    if workers == 1:
        yield from (_one(places, name, seed, settings) for name, seed in missing)
        return
    with ProcessPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        running: set[Future[list[Row]]] = {pool.submit(_one, places, *one, settings) for one in missing}
        try:
            while running:
                ready, running = wait(running, timeout=1, return_when=FIRST_COMPLETED)
                progress("Reviewing", len(missing) - len(running) - len(ready), len(missing))
                yield from (future.result() for future in ready)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _one(places: Places, name: str, seed: int, settings: RepairSettings) -> list[Row]:
    began = time.monotonic()
    if settings.fine_tune is None:
        about = (places.data, name, settings.model, places.cache)
        data = load(*about, lambda *_: None, sources=settings.sources, layers=settings.layers)
        tuning = None
    else:
        data, tuning = (
            read(places.data, name, settings.sources),
            Tuning(model=settings.model, settings=settings.fine_tune, seed=seed, cache=places.cache),
        )
    rows = list(run(data, seed, settings, tuning))
    return [{**row, "seconds": round(time.monotonic() - began, 1)} for row in rows]
