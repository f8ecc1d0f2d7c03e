"""What feedback on the training labels is worth (objective 1): macro-F1 with and without it, trained on gold.

For one draw of one set, a model is trained on gold: a head or a whole transformer, by the given trainer. Each method
proposes changes to these training labels; they are applied, the model is trained again, and so on for some rounds. A
round is `kept` only if the paired bootstrap of validation macro-F1 says that it helped (its 95 % interval lies above
0). The result of every round without that guard is reported beside it. Test gold is only used to report.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from inffeed_core.feedback.ballots import ballot, polled
from inffeed_core.feedback.methods import METHODS, VOTING, Ballot, Ints, applied
from inffeed_core.influence import HeadInfluence
from inffeed_core.models.metrics import macro_f1, macro_f1_difference
from inffeed_core.records import Interval, Progress
from inffeed_core.settings import FeedbackSettings
from inffeed_core.studies.draws import RepairSet
from inffeed_core.studies.trainers import Trained, Trainer


@dataclass(frozen=True, slots=True)
class Feedback:
    """One method on one draw of one set."""

    name: str
    seed: int
    method: str
    rows: int
    """Training rows at first."""
    rounds: int
    """Rounds that proposed anything."""
    kept: int
    """Rounds that validation confirmed, in a row from the first."""
    changed: int
    """Training labels that differ in the end, without the guard."""
    before: float
    """Macro-F1 on test after training on unchanged gold."""
    after: float
    """Macro-F1 on test after every round."""
    guarded: float
    """Macro-F1 on test after only the kept rounds; `before` if there are none."""
    validation: Interval
    """Validation macro-F1 after the first round minus before, with its paired bootstrap interval."""
    test: Interval
    """`after` minus `before`, with its paired bootstrap interval over the texts of test."""


def study(
    data: RepairSet,
    trainer: Trainer,
    methods: Sequence[str],
    settings: FeedbackSettings,
    seed: int,
    progress: Progress,
) -> Iterator[Feedback]:
    """Every method from the same start. Deterministic for a draw, a trainer and a seed."""
    start = trainer(data.gold.numpy(), np.ones(len(data.gold)))
    for number, method in enumerate(methods):
        progress(f"{data.name}: feedback", number, len(methods))
        states = [start]
        for _ in range(settings.rounds):
            proposals = METHODS[method](_ballot(data, states[-1], method, settings, seed), settings)
            if not len(proposals):
                break
            labels, weights = applied(states[-1].rows.labels.numpy(), proposals)
            states.append(trainer(labels, np.minimum(weights, states[-1].rows.row_weights.numpy())))
        yield _summed_up(data, seed, method, states)


def _ballot(data: RepairSet, state: Trained, method: str, settings: FeedbackSettings, seed: int) -> Ballot:
    influence = HeadInfluence(state.rows, state.fit)
    found = ballot(influence, state.rows, (state.validation_features, data.validation[1]), seed)
    return polled(found, influence, settings.influencers, _quiet) if method in VOTING else found


def _quiet(stage: str, done: int, total: int) -> None:
    """Progress within a round is not reported."""


def _summed_up(data: RepairSet, seed: int, method: str, states: Sequence[Trained]) -> Feedback:
    gold, classes = data.test[1].numpy(), len(data.labels)
    steps = [_gain(a.validation, b.validation, data.validation[1]) for a, b in zip(states, states[1:], strict=False)]
    kept = next((i for i, step in enumerate(steps) if step.low <= 0), len(steps))
    scores = [macro_f1(_classes(state.test), gold, classes) for state in states]
    last = states[-1].rows
    return Feedback(
        name=data.name,
        seed=seed,
        method=method,
        rows=len(last.labels),
        rounds=len(steps),
        kept=kept,
        changed=int(((last.labels != states[0].rows.labels) | (last.row_weights == 0)).sum()),
        before=scores[0],
        after=scores[-1],
        guarded=scores[kept],
        validation=steps[0] if steps else Interval(0.0, 0.0, 0.0),
        test=_gain(states[0].test, states[-1].test, data.test[1]),
    )


def _gain(before: Float[Tensor, "n c"], after: Float[Tensor, "n c"], gold: Int[Tensor, " n"]) -> Interval:
    return macro_f1_difference(_classes(before), _classes(after), gold.numpy(), before.shape[1])


def _classes(found: Float[Tensor, "n c"]) -> Ints:
    return np.asarray(found.argmax(1).numpy())


def markdown(found: Sequence[Feedback]) -> str:
    """A Markdown table of macro-F1: means over draws of each method on each set, the change with its standard error.

    *Better, worse*: on how many draws the paired bootstrap interval of the change on test lies above 0, and below.
    """
    lines = [
        "| set | method | draws | labels changed | before | every round | change | better, worse | with the guard |"
        " rounds kept |",
        "| --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for name, method in dict.fromkeys((one.name, one.method) for one in found):
        runs = [one for one in found if (one.name, one.method) == (name, method)]

        def mean(value: Callable[[Feedback], float], runs: Sequence[Feedback] = runs) -> float:
            return float(np.mean([value(one) for one in runs]))

        change = np.array([one.after - one.before for one in runs])
        error = f" ± {change.std(ddof=1) / len(change) ** 0.5:.3f}" if len(change) > 1 else ""
        better, worse = sum(one.test.low > 0 for one in runs), sum(one.test.high < 0 for one in runs)
        lines.append(
            f"| {name} | {method} | {len(runs)} | {mean(lambda r: r.changed):.0f} | {mean(lambda r: r.before):.3f} |"
            f" {mean(lambda r: r.after):.3f} | {change.mean():+.3f}{error} | {better}, {worse} |"
            f" {mean(lambda r: r.guarded):.3f} | {mean(lambda r: r.kept):.1f} of {mean(lambda r: r.rounds):.1f} |"
        )
    return "\n".join(lines)
