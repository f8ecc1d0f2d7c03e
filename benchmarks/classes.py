"""Many labels: what a head's training with choice of l2 costs, and every score of its analysis.

    python -m benchmarks --classes

Features are synthetic: unit vectors of 384 numbers around a centre for each label, a fifth of the labels wrong. Each
size runs in a process of its own: the fit along the whole grid of l2, then influence on validation, relabel gains, each
label's gains, self-influence, every text's ten influencers at both ends, and the validation texts that each harms.
Where the dense curvature fits, the scores are compared with its own; everywhere with refits. Where answers are found by
products alone, only `ASKED` targets of each list are asked about, and there are `FEW` refits. Writes
`docs/classes.jsonl`.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.costs import Costs
from inffeed_core.influence import (
    HeadData,
    HeadFit,
    HeadInfluence,
    choose_l2,
    fit_head,
    kronecker,
    losses,
    probabilities,
    softmax,
)
from inffeed_core.influence.conjugate_gradient import solve
from inffeed_core.influence.factor import Factor
from inffeed_core.settings import L2_GRID

WIDTH, KEPT, REFITS = 384, 10, 40
ASKED, FEW = 4, 8
SIZES = ((10, 100), (20, 400), (77, 2_000), (151, 2_000), (20, 10_000), (151, 8_000))
DENSE = 8_000
"""Weights up to which the dense curvature is compared with: 512 MB."""
DOCS = Path(__file__).parent.parent / "docs"
Figures = dict[str, Any]


def main() -> None:
    found: list[Figures] = []
    for classes, rows in SIZES:
        code = f"from benchmarks.classes import measure; import json; print(json.dumps(measure({classes}, {rows})))"
        done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        (DOCS / "classes.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    print(table(found))


def table(found: list[Figures]) -> str:
    """One line for each size."""
    heads = (
        "labels | texts | way | fit, s | scores, s | peak, MiB | off the dense | residual | Pearson | products | bound"
    )
    lines = [f"| {heads} |", "| --: | --: | --- |" + " --: |" * 8]
    for one in found:
        dense = "–" if one["error"] is None else f"{one['error']:.0e}"
        cells = [f"{one['labels']}", f"{one['texts']:,}", one["way"], f"{one['fit']:.1f}", f"{one['scores']:.1f}"]
        cells += [
            f"{one['mib']:.0f}",
            dense,
            f"{one['residual']:.0e}",
            f"{one['pearson']:.4f}",
            f"{one['mean']}",
            f"{one['bound']}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def drawn(classes: int, rows: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(features, true labels); the centres are the same for every seed."""
    centres = torch.randn(classes, WIDTH, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(rows) % classes
    features = centres[labels] + 1.5 * torch.randn(rows, WIDTH, generator=generator)
    return features / features.norm(dim=1, keepdim=True), labels


def measure(classes: int, rows: int) -> Figures:
    """Processor seconds of fit and scores, peak memory above what loading took, and how right the scores are."""
    features, truth = drawn(classes, rows, 1)
    generator = torch.Generator().manual_seed(2)
    wrong = torch.rand(rows, generator=generator) < 0.2
    labels = torch.where(wrong, torch.randint(classes, (rows,), generator=generator), truth)
    data, validation = HeadData(features, labels, classes), drawn(classes, max(200, rows // 10), 3)
    costs = Costs()
    fit = costs.step("fit", lambda: choose_l2(data, *validation, L2_GRID))
    influence = HeadInfluence(data, fit)
    scores = costs.step("scores", lambda: _scores(influence, validation))
    told = {"labels": classes, "texts": rows, "way": influence.plan.way, "l2": fit.l2, "mib": costs.peak}
    told |= {name: costs.processor[name] for name in ("fit", "scores")}
    told |= {"wall": sum(costs.wall.values()), "error": _error(influence, validation, scores)}
    pearson = _pearson(influence, validation, scores[0])
    return told | {"pearson": pearson} | _steps(influence, validation)


def _scores(influence: HeadInfluence, validation: tuple[torch.Tensor, torch.Tensor]) -> list[torch.Tensor]:
    """What an analysis computes: influence on validation, relabel gains, self-influence, and the lists."""
    data, (features, labels) = influence.data, validation
    mean = influence.validation_gradient(*validation)
    found = [influence.on_mean_loss(*validation), influence.relabel_gains(mean), influence.self_influence()]
    few = influence.plan.way == "products"
    present = labels.unique().tolist()[: ASKED if few else None]
    by_label = [influence.validation_gradient(features[labels == one], labels[labels == one]) for one in present]
    for one in influence.solved(torch.cat(by_label)).split(1):
        influence.gains_along(one)
    size = influence.target_block
    for start in range(0, min(len(data.labels), ASKED if few else influence.plan.affordable), size):
        block = slice(start, min(start + size, ASKED) if few else start + size)
        gradients = influence.loss_gradients(data.features[block], data.labels[block])
        influence.top_influencers(gradients, KEPT, leave_out=torch.arange(len(data.labels))[block])
    asked = min(len(labels), ASKED if few else influence.plan.affordable)
    groups = (
        (n, influence.loss_gradients(features[n : min(n + size, asked)], labels[n : min(n + size, asked)]))
        for n in range(0, asked, size)
    )
    influence.most_harmed_of(groups, KEPT)
    return found


def _error(influence: HeadInfluence, validation: tuple[torch.Tensor, torch.Tensor], scores: list[torch.Tensor]) -> Any:
    """The largest relative difference from the dense curvature's scores; None where it does not fit."""
    data, fit = influence.data, influence.fit
    if fit.theta.numel() > DENSE:
        return None
    exact = HeadInfluence(data, fit)
    matrix = softmax.curvature(probabilities(fit.theta, data.features), data, fit.l2)
    exact.__dict__["solver"] = Factor(torch.linalg.cholesky(matrix))
    mean = exact.validation_gradient(*validation)
    wanted = [exact.on_mean_loss(*validation), exact.relabel_gains(mean), exact.self_influence()]
    return max(float((a - b).norm() / b.norm()) for a, b in zip(scores, wanted, strict=True))


def _pearson(influence: HeadInfluence, validation: tuple[torch.Tensor, torch.Tensor], foretold: torch.Tensor) -> float:
    """Correlation of influence on validation with what came of leaving out rows at even steps over its range."""
    data, fit = influence.data, influence.fit
    refits = FEW if influence.plan.way == "products" else REFITS
    chosen = foretold.sort().indices[torch.linspace(0, len(foretold) - 1, refits).long()]
    came = [_loss(_without(data, fit, int(row)), validation) - _loss(fit, validation) for row in chosen]
    both = torch.stack([foretold[chosen], torch.tensor(came, dtype=torch.float64)])
    return float(torch.corrcoef(both)[0, 1])


def _without(data: HeadData, fit: HeadFit, row: int) -> HeadFit:
    weights = data.row_weights.clone()
    weights[row] = 0
    return fit_head(replace(data, weights=weights), fit.l2, start=fit.theta)


def _loss(fit: HeadFit, validation: tuple[torch.Tensor, torch.Tensor]) -> float:
    return float(losses(probabilities(fit.theta, validation[0]), validation[1]).mean())


def _steps(influence: HeadInfluence, validation: tuple[torch.Tensor, torch.Tensor]) -> Figures:
    """Products of conjugate gradient for one target, preconditioned by the mean spread and by Böhning's bound; and the
    relative residual of the answer that the product gives."""
    data, fit = influence.data, influence.fit
    probs = probabilities(fit.theta, data.features)
    side = influence.validation_gradient(*validation).flatten(1)
    even = torch.full_like(probs, 0.5)  # a spread of ½(I − 11ᵀ/C), once scaled
    mean = kronecker.mean_curvature(probs, data, fit.l2)
    bound = kronecker.Kronecker(
        axes=torch.eye(data.classes - 1, dtype=torch.float64),
        second=mean.second,
        scale=even[0, :-1].unsqueeze(1) * mean.second.values + fit.l2,
    )

    def product(some: torch.Tensor) -> torch.Tensor:
        return kronecker.curved(some.view(-1, *fit.theta.shape), probs, data, fit.l2).flatten(1)

    def count(inverse: Callable[[torch.Tensor], torch.Tensor]) -> int:
        return solve(product, side, precondition=inverse, tolerance=1e-8, max_products=2000).products

    left = side - product(influence.solved(side.view(1, *fit.theta.shape)).flatten(1))
    found = {"mean": count(mean.solve), "bound": count(bound.solve)}
    return found | {"residual": float(left.norm() / side.norm())}
