"""One method of the whole-model comparison in a process of its own: scores and costs as files in WORK_FOLDER.

python -m benchmarks.whole_model_run METHOD DATA_FOLDER SET WORK_FOLDER
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_model
from torch import Tensor, nn

from benchmarks.costs import Costs
from inffeed_core.influence.whole_model import WholeModel
from inffeed_core.studies.fidelity.datamodelling import Problem, read_problem

Scores = dict[str, Tensor]
"""Targets × texts, by kind."""


def ours(model: nn.Module, problem: Problem, costs: Costs) -> Scores:
    """EK-FAC's diagonal is scored from the same index, after what is timed."""
    train, targets = problem.train(), problem.targets
    analysis = WholeModel(model)
    costs.step("fit", lambda: analysis.fit(train))
    costs.step("index", lambda: analysis.index(train))
    scores = costs.step("score", lambda: analysis.influence(targets))
    costs.step("second batch", lambda: analysis.influence(targets))
    return {"ours": scores, "ours, EK-FAC alone": analysis.influence(targets, inverse="ekfac")}


def refined(model: nn.Module, problem: Problem, costs: Costs) -> Scores:
    """The exact matrix by conjugate gradient, for all targets at once."""
    train = problem.train()
    analysis = WholeModel(model)
    costs.step("fit", lambda: analysis.fit(train))
    costs.step("index", lambda: analysis.index(train))
    scores, solution = costs.step(
        "score", lambda: analysis.refined(train).influence(analysis.gradients(problem.targets))
    )
    print(f"refined: {solution.products} products, largest residual {float(solution.residuals.max()):.1e}")
    return {"ours, refined": scores}


def dual(model: nn.Module, problem: Problem, costs: Costs) -> Scores:
    """The reference: the exact full Gauss-Newton matrix, damped as everywhere by a tenth of each layer's mean."""
    train = problem.train()
    analysis = WholeModel(model)
    costs.step("fit", lambda: analysis.fit(train))
    return {"exact": costs.step("score", lambda: analysis.dual(train).influence(analysis.gradients(problem.targets)))}


def kronfluence(model: nn.Module, problem: Problem, costs: Costs) -> Scores:
    from benchmarks.kronfluence_scores import scores

    return scores(model, problem, costs.step)


METHODS = {method.__name__: method for method in (ours, refined, dual, kronfluence)}


def main() -> None:
    method, folder, name, work = sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    problem = read_problem(folder, name)
    model = problem.untrained(0)
    load_model(model, str(work / "model.safetensors"))
    costs = Costs()
    scores = METHODS[method](model, problem, costs)
    torch.save({kind: found.double() for kind, found in scores.items()}, work / f"{method}.pt")
    found = {"wall": costs.wall, "processor": costs.processor, "peak": costs.peak}
    (work / f"{method}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
