"""On a GPU: what the CPU finds, the same bits each time, and batches that really do not fit into its memory."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from small_networks import token_classifier, token_data
from torch import Tensor, nn

from inffeed_core.influence.adamw import AdamW
from inffeed_core.influence.parts import dropped_as_in
from inffeed_core.influence.replay import Derivatives, replay
from inffeed_core.influence.training_run import TrainingRun, decay_of, start_of
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings
from inffeed_core.models.device import VARIABLE, the_device

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that torch can use")
TEXTS, CLASSES, EPOCHS = 12, 3, 3
Batches = list[tuple[dict[str, Tensor], Tensor]]


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> torch.device:
    """The first GPU, as the product takes it."""
    monkeypatch.setenv(VARIABLE, "cuda")
    return the_device()


def on(device: torch.device, data: Batches) -> Batches:
    return [({name: one.to(device) for name, one in batch.items()}, labels.to(device)) for batch, labels in data]


def a_run(device: torch.device, *, dropout: float = 0.3, width: int = 6, texts: int = TEXTS, batch: int = 4):
    """Three epochs, the embeddings trained too; the only random numbers are those of dropout."""
    network = token_classifier(CLASSES, width).to(device)
    network.dropout.p = dropout
    read = on(device, token_data(texts, batch, CLASSES, seed=2))
    rows = torch.arange(texts, device=device).split(batch)
    plan = [(one, which) for (one, _), which in zip(read, rows, strict=True)] * EPOCHS
    rates = [0.05 * min((n + 1) / 3, (len(plan) - n) / len(plan)) for n in range(len(plan))]
    return TrainingRun(network, plan, rates, AdamW(decay=decay_of(network, 0.1), epsilon=1e-4, clip=0.15), seed=5)


def lessons(texts: int = TEXTS) -> Tensor:
    generator = torch.Generator().manual_seed(8)
    return torch.rand(texts, CLASSES, generator=generator, dtype=torch.float64).softmax(1)


def replayed(run: TrainingRun, taught: Tensor) -> Derivatives:
    device = next(run.network.parameters()).device
    targets = [on(device, token_data(6, 3, CLASSES, seed=9)), on(device, token_data(1, 1, CLASSES, seed=10))]
    return replay(run, start_of(run.network), taught.to(device), targets)


def in_single(run: TrainingRun) -> TrainingRun:
    """The same in float32, as the product trains."""
    run.network.float()
    return replace(run, optimiser=replace(run.optimiser, decay=run.optimiser.decay.float()))


def test_derivatives_through_a_training_are_those_of_the_cpu(gpu: torch.device):
    one = replayed(a_run(torch.device("cpu"), dropout=0), lessons())
    other = replayed(a_run(gpu, dropout=0), lessons())
    assert other.by_taught.is_cuda
    torch.testing.assert_close(other.by_taught.cpu(), one.by_taught, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(other.losses.cpu(), one.losses, rtol=1e-12, atol=0)


def test_a_replay_gives_the_same_bits_again_and_leaves_torch_as_it_was(gpu: torch.device):
    first, again = (replayed(in_single(a_run(gpu)), lessons().float()) for _ in range(2))
    assert torch.equal(first.by_taught, again.by_taught)
    assert torch.equal(first.losses, again.losses)
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_replay_with_dropout_ends_where_the_training_ended(gpu: torch.device):
    run, taught = in_single(a_run(gpu)), lessons().float().to(gpu)
    state = start_of(run.network)
    for number in range(len(run)):
        state, _ = run.advance(state, number, taught)
    loss, _ = run.mean_loss(state[0], on(gpu, token_data(6, 3, CLASSES, seed=9)))
    assert float(replayed(run, taught).losses[0]) == loss


@pytest.mark.parametrize(
    "laid",
    [lambda x: x, lambda x: x[:, 0], lambda x: x.transpose(0, 1).contiguous().transpose(0, 1)],
    ids=["packed", "with gaps", "rows inside"],
)
def test_what_is_dropped_from_parts_is_what_is_dropped_from_the_whole(gpu: torch.device, laid):
    x = torch.rand(6, 5, 32, device=gpu)

    def dropped(rows: range) -> Tensor:
        torch.manual_seed(3)
        with dropped_as_in(6, rows):
            first = nn.functional.dropout(laid(x[rows.start : rows.stop]), 0.4)
            return nn.functional.dropout(first, 0.2)

    whole = dropped(range(6))
    assert 0 < int((whole == 0).sum()) < whole.numel()
    torch.testing.assert_close(torch.cat([dropped(range(2)), dropped(range(2, 4)), dropped(range(4, 6))]), whole)


@pytest.mark.parametrize("scope", ["all", "head"])
def test_scores_of_an_index_are_those_of_the_cpu(gpu: torch.device, scope: str):
    train, targets = token_data(14, 5, CLASSES), token_data(6, 4, CLASSES, seed=4)

    def scores(device: torch.device) -> Sequence[Tensor]:
        learned, asked = on(device, train), on(device, targets)
        settings = WholeModelSettings(scope=scope)
        analysis = WholeModel(token_classifier(CLASSES).to(device), settings).fit(learned).index(learned)
        refined = analysis.refined(learned).influence(analysis.gradients(asked))[0]
        return [analysis.influence(asked), analysis.refined_on_mean(asked, learned)[0], refined]

    for one, other in zip(scores(gpu), scores(torch.device("cpu")), strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


def test_a_batch_that_does_not_fit_into_its_memory_goes_through_in_halves(gpu: torch.device):
    run, taught = a_run(gpu, width=512, texts=4096, batch=4096), lessons(4096).to(gpu)
    state = start_of(run.network)
    torch.cuda.reset_peak_memory_stats(gpu)
    before = torch.cuda.memory_allocated(gpu)
    expected, loss = run.advance(state, 0, taught)
    taken = torch.cuda.max_memory_allocated(gpu) - before
    torch.cuda.empty_cache()
    sizes: list[int] = []

    def note(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        sizes.append(len(kwargs["input_ids"]))

    run.network.register_forward_pre_hook(note, with_kwargs=True)
    whole = torch.cuda.get_device_properties(gpu).total_memory
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(gpu) + 0.7 * taken) / whole)
    try:
        found, also = run.advance(state, 0, taught)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert {4096, 2048} <= set(sizes)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-12)
    assert also == pytest.approx(loss, rel=1e-10)
