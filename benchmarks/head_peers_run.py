"""One method of the head comparison in a process of its own: scores and costs as files in FOLDER.

    python -m benchmarks.head_peers_run METHOD FOLDER

Every method is a generator: imports, `yield`, then all that its user writes, `yield` the targets × rows scores. The
clock runs between the two, so imports are timed apart. Each takes the largest batches it can, which are its fastest.
InfFeed is imported by its own methods alone: pyDVL's environment does not have it.
"""

import inspect
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.costs import Costs

Method = Iterator[Tensor | None]


class Task:
    """The problem in memory. `l2` is λ of the mean loss, and what every method that damps is given."""

    def __init__(self, folder: Path) -> None:
        held = np.load(folder / "problem.npz")
        names = ("features", "labels", "target_features", "target_labels", "weight", "bias", "corrected")
        self.x, self.y, self.tx, self.ty, weight, bias, self.corrected = (torch.from_numpy(held[n]) for n in names)
        self.l2, self.classes = float(held["l2"]), len(bias)
        self.head = nn.Linear(weight.shape[1], len(bias)).eval()
        self.head.load_state_dict({"weight": weight, "bias": bias})
        self.train, self.targets = TensorDataset(self.x, self.y), TensorDataset(self.tx, self.ty)


def inffeed(task: Task) -> Method:
    from inffeed_core.influence import HeadData, HeadInfluence, fit_head

    data = HeadData(task.x, task.y, task.classes)
    fit = fit_head(data, task.l2)  # the converged head, which all are given
    yield
    yield HeadInfluence(data, fit, leverage=False).on_losses(task.tx, task.ty)


def inffeed_corrected(task: Task) -> Method:
    """Refit and rescore after corrections, the scores before them computed."""
    from inffeed_core.influence import HeadData, HeadInfluence, fit_head

    before = HeadData(task.x, task.y, task.classes)
    influence = HeadInfluence(before, fit_head(before, task.l2), leverage=False)
    influence.on_losses(task.tx, task.ty)
    yield
    data = HeadData(task.x, task.corrected, task.classes)
    yield influence.corrected(data).on_losses(task.tx, task.ty)


def inffeed_corrected_validation(task: Task) -> Method:
    """The same for the mean loss of the targets: what flags are made of."""
    from inffeed_core.influence import HeadData, HeadInfluence, fit_head

    before = HeadData(task.x, task.y, task.classes)
    influence = HeadInfluence(before, fit_head(before, task.l2), leverage=False)
    influence.on_losses(task.tx, task.ty)
    yield
    after = influence.corrected(HeadData(task.x, task.corrected, task.classes))
    yield after.on_gradients(after.validation_gradient(task.tx, task.ty))


def captum_fast(task: Task, batch: int | None = None) -> Method:
    from captum.influence import TracInCPFast

    yield
    model = nn.Sequential(nn.Identity(), task.head)
    loss = nn.CrossEntropyLoss(reduction="sum")
    size = batch or len(task.x)
    tracin = TracInCPFast(model, model[1], task.train, [""], lambda *_: 1.0, loss, batch_size=size)
    yield tracin.influence((task.tx, task.ty))


def kronfluence_ekfac(task: Task) -> Method:
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments
    from kronfluence.task import Task as PeerTask

    yield

    class Classify(PeerTask):
        def compute_train_loss(self, batch, model, sample=False):
            logits = model(batch[0])
            drawn = torch.multinomial(logits.detach().softmax(1), 1).squeeze(1) if sample else batch[1]
            return nn.functional.cross_entropy(logits, drawn, reduction="sum")

        def compute_measurement(self, batch, model):
            return self.compute_train_loss(batch, model)

    peer = Classify()
    model = prepare_model(nn.Sequential(task.head), peer)
    with TemporaryDirectory() as folder:
        analyzer = Analyzer("peer", model, peer, cpu=True, output_dir=folder, disable_tqdm=True)
        analyzer.fit_all_factors("f", task.train, len(task.x), factor_args=FactorArguments(strategy="ekfac"))
        arguments = ScoreArguments(damping_factor=task.l2)
        sizes = (len(task.tx), len(task.x))
        analyzer.compute_pairwise_scores("s", "f", task.targets, task.train, *sizes, score_args=arguments)
        yield analyzer.load_pairwise_scores("s")["all_modules"]


def dattri_explicit(task: Task) -> Method:
    from dattri.algorithm.influence_function import IFAttributorExplicit

    yield from dattri(task, partial(IFAttributorExplicit, regularization=task.l2))


def dattri_ekfac(task: Task) -> Method:
    from dattri.algorithm.influence_function import IFAttributorEKFAC

    yield from dattri(task, partial(IFAttributorEKFAC, damping=task.l2))


def dattri(task: Task, attributor) -> Method:
    from dattri.task import AttributionTask

    yield
    model = nn.Sequential(task.head)

    def loss(parameters, data):
        logits = torch.func.functional_call(model, parameters, data[0])
        return nn.functional.cross_entropy(logits, data[1])

    found = attributor(AttributionTask(loss, model, model.state_dict()))
    train, targets = DataLoader(task.train, len(task.x)), DataLoader(task.targets, len(task.tx))
    found.cache(train)
    yield found.attribute(train, targets).T


def dattri_trak(task: Task) -> Method:
    from dattri.algorithm.trak import TRAKAttributor
    from dattri.task import AttributionTask

    yield
    model = nn.Sequential(task.head)

    def margin(parameters, data):
        logits = torch.func.functional_call(model, parameters, data[0].unsqueeze(0))
        p = torch.exp(-nn.functional.cross_entropy(logits, data[1].unsqueeze(0)))
        return torch.log(p) - torch.log(1 - p)

    def probability(parameters, data):
        logits = torch.func.functional_call(model, parameters, data[0].unsqueeze(0))
        return torch.exp(-nn.functional.cross_entropy(logits, data[1].unsqueeze(0)))

    found = TRAKAttributor(
        AttributionTask(margin, model, model.state_dict()),
        correct_probability_func=probability,
        projector_kwargs={"proj_dim": 512, "proj_max_batch_size": 32, "device": "cpu"},
        regularization=task.l2,
    )
    found.cache(DataLoader(task.train, len(task.x)))
    yield found.attribute(DataLoader(task.targets, len(task.tx))).T


def traker(task: Task) -> Method:
    from trak import TRAKer

    yield
    with TemporaryDirectory() as folder:
        model = nn.Sequential(task.head)
        size, options = len(task.x), {"device": "cpu", "use_half_precision": False, "proj_dim": 512}
        peer = TRAKer(model, "image_classification", size, save_dir=folder, logging_level=40, **options)
        peer.load_checkpoint(model.state_dict(), model_id=0)
        peer.featurize(batch=(task.x, task.y), num_samples=size)
        peer.finalize_features()
        peer.start_scoring_checkpoint("targets", model.state_dict(), model_id=0, num_targets=len(task.tx))
        peer.score(batch=(task.tx, task.ty), num_samples=len(task.tx))
        yield torch.as_tensor(np.asarray(peer.finalize_scores("targets"))).T


def pydvl_ekfac(task: Task) -> Method:
    from pydvl.influence.torch import EkfacInfluence

    yield
    model = nn.Sequential(task.head)
    found = EkfacInfluence(model, update_diagonal=True, hessian_regularization=task.l2)
    found.fit(DataLoader(task.train, len(task.x)))
    yield found.influences(task.tx, task.ty, task.x, task.y)


def pydvl_nystroem(task: Task) -> Method:
    from pydvl.influence.torch import NystroemSketchInfluence

    yield
    model = nn.Sequential(task.head)
    found = NystroemSketchInfluence(model, nn.functional.cross_entropy, regularization=task.l2, rank=100)
    found.fit(DataLoader(task.train, len(task.x)))
    yield found.influences(task.tx, task.ty, task.x, task.y)


METHODS = {
    "InfFeed": inffeed,
    "InfFeed after 20 corrections": inffeed_corrected,
    "InfFeed after 20 corrections (mean loss)": inffeed_corrected_validation,
    "captum TracInCPFast": captum_fast,
    "captum TracInCPFast (default batches of 1)": partial(captum_fast, batch=1),
    "kronfluence EK-FAC": kronfluence_ekfac,
    "dattri explicit": dattri_explicit,
    "dattri EK-FAC": dattri_ekfac,
    "dattri TRAK": dattri_trak,
    "traker": traker,
    "pyDVL EK-FAC": pydvl_ekfac,
    "pyDVL Nyström": pydvl_nystroem,
}


def lines(name: str) -> int:
    """What a user writes: the lines of the method but its name, its docstring and its yields."""
    method = getattr(METHODS[name], "func", METHODS[name])
    source = inspect.getsource(method)
    if name in ("dattri explicit", "dattri EK-FAC"):
        source += inspect.getsource(dattri)
    body = [line.strip() for line in source.splitlines()[1:] if line.strip()]
    told = sum(line.startswith(('"""', "def dattri(")) or line == "yield" for line in body)
    return len(body) - told


def main() -> None:
    name, folder = sys.argv[1], Path(sys.argv[2])
    task = Task(folder)
    _ = task.x @ task.x[:600].T  # the threads of the matrix product are there for all
    method = METHODS[name](task)
    costs = Costs()
    costs.step("import", lambda: next(method))
    costs = Costs(costs.wall, costs.processor)
    scores = costs.step("scores", lambda: next(method))
    found = {"wall": costs.wall, "processor": costs.processor, "peak": costs.peak, "lines": lines(name)}
    np.save(folder / f"{name}.npy", scores.detach().double().numpy())
    (folder / f"{name}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main()
