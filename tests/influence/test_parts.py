"""A batch in parts adds up to the whole, dropout included, where memory is full in any step of any computation."""

from collections.abc import Iterator

import pytest
import torch
from influence.small_networks import token_classifier, token_data
from influence.test_replay import CLASSES, TARGETS, TEXTS, a_run, lessons
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from inffeed_core.influence.linear_layers import Scope
from inffeed_core.influence.parts import by_halves, dropped_as_in
from inffeed_core.influence.replay import replay
from inffeed_core.influence.training_run import TrainingRun, start_of
from inffeed_core.influence.whole_model import WholeModel, WholeModelSettings

WORDS = "CUDA out of memory"


def crowded(network: nn.Module, most: int, *, spared: int = 0) -> list[int]:
    """From now on memory is full for more rows than these, but for the first calls; gives the sizes that were tried."""
    sizes: list[int] = []

    def refuse(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        sizes.append(len(kwargs["input_ids"]))
        if sizes[-1] > most and len(sizes) > spared:
            raise torch.OutOfMemoryError(WORDS)

    network.register_forward_pre_hook(refuse, with_kwargs=True)
    return sizes


@pytest.mark.parametrize("shape", [(6, 3), (6, 2, 3, 3), (18, 5)])
@pytest.mark.parametrize("drop", [torch.dropout, lambda x, p, train: torch.native_dropout(x, p, train)[0]])
def test_what_is_dropped_from_parts_is_what_is_dropped_from_the_whole(shape: tuple[int, ...], drop):
    x, each = torch.rand(*shape), shape[0] // 6

    def dropped(rows: range) -> Tensor:
        torch.manual_seed(3)
        with dropped_as_in(6, rows):
            first = drop(x[rows.start * each : rows.stop * each], 0.4, True)
            return drop(first, 0.2, True)

    whole = dropped(range(6))
    assert 0 < int((whole == 0).sum()) < whole.numel()
    torch.testing.assert_close(torch.cat([dropped(range(1)), dropped(range(1, 4)), dropped(range(4, 6))]), whole)


class Strides(TorchDispatchMode):
    """Notes how the inputs of a GPU's dropout lie in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.native_dropout.default:
            self.seen.append((tuple(args[0].shape), args[0].stride()))
        return func(*args, **kwargs or {})


LAID = {
    "packed": lambda x: x,
    "with gaps": lambda x: x[:, 0],
    "rows inside": lambda x: x.transpose(0, 1).contiguous().transpose(0, 1),
    "expanded": lambda x: x[:, :1].expand(-1, 4, -1),
}
"""How a tensor may lie in memory."""


@pytest.mark.parametrize("laid", LAID.values(), ids=LAID)
def test_what_is_dropped_from_parts_is_that_of_the_whole_however_they_lie_in_memory(laid):
    x = torch.rand(6, 5, 3)

    def dropped(rows: range) -> Tensor:
        torch.manual_seed(3)
        with dropped_as_in(6, rows):
            return nn.functional.dropout(nn.functional.dropout(laid(x[rows.start : rows.stop]), 0.4), 0.2)

    torch.testing.assert_close(
        torch.cat([dropped(range(2)), dropped(range(2, 4)), dropped(range(4, 6))]), dropped(range(6))
    )


@pytest.mark.parametrize(
    ("laid", "rows"),
    [("packed", range(2)), ("packed", range(1)), ("with gaps", range(2)), ("with gaps", range(1))]
    + [("rows inside", range(2)), ("rows inside", range(3, 6))],
)
def test_a_gpu_draws_for_the_whole_as_it_lies_in_memory(laid: str, rows: range):
    """Its dropout gives other masks to a tensor with gaps, such as the first token of every text."""
    x = torch.rand(6, 5, 3)
    with Strides() as strides:
        torch.native_dropout(LAID[laid](x), 0.5, True)
        with dropped_as_in(6, rows):
            torch.native_dropout(LAID[laid](x[rows.start : rows.stop]), 0.5, True)
    assert strides.seen == [strides.seen[0]] * 2


def test_attention_drops_the_same_in_parts():
    q = torch.rand(4, 2, 5, 3)

    def attended(rows: range) -> Tensor:
        torch.manual_seed(3)
        part = q[rows.start : rows.stop]
        with dropped_as_in(4, rows), sdpa_kernel(SDPBackend.MATH):
            return nn.functional.scaled_dot_product_attention(part, part, part, dropout_p=0.5)

    torch.testing.assert_close(torch.cat([attended(range(3)), attended(range(3, 4))]), attended(range(4)))


def test_halves_come_in_order_and_one_row_that_does_not_fit_is_told():
    def compute(rows: range) -> range:
        if len(rows) > 2:
            raise torch.OutOfMemoryError(WORDS)
        return rows

    assert list(by_halves(compute, range(5))) == [range(2), range(2, 3), range(3, 5)]

    def full(rows: range) -> None:
        raise torch.OutOfMemoryError(WORDS)

    with pytest.raises(torch.OutOfMemoryError):
        list(by_halves(full, range(2)))


def states(run: TrainingRun, taught: Tensor) -> Iterator[tuple[Tensor, float]]:
    state = start_of(run.network)
    for number in range(len(run)):
        state, loss = run.advance(state, number, taught)
        yield state, loss


@pytest.mark.parametrize("most", [2, 1])
def test_a_training_whose_batches_do_not_fit_is_the_same_training(most: int):
    weights, targets = lessons()
    taught = weights[:, None] * targets
    expected = list(states(a_run(), taught))
    run = a_run()
    sizes = crowded(run.network, most)
    for (state, loss), (other, also) in zip(states(run, taught), expected, strict=True):
        torch.testing.assert_close(state, other, rtol=1e-9, atol=1e-12)
        assert loss == pytest.approx(also, abs=1e-12)
    assert {4, most} <= set(sizes)


@pytest.mark.parametrize("spared", [0, 16])
def test_a_replay_whose_batches_do_not_fit_finds_the_same(spared: int):
    weights, targets = lessons()
    taught, data = weights[:, None] * targets, [*TARGETS, token_data(5, 5, CLASSES, seed=11)]
    expected, run = replay(a_run(), start_of(a_run().network), taught, data), a_run()
    sizes = crowded(run.network, 2, spared=spared)
    found = replay(run, start_of(run.network), taught, data)
    torch.testing.assert_close(found.by_taught, expected.by_taught, rtol=1e-8, atol=1e-12)
    torch.testing.assert_close(found.losses, expected.losses)
    assert {5, 4, 2} <= set(sizes)
    assert found.by_taught.shape[1] == TEXTS


def test_memory_that_is_full_after_the_first_target_is_no_reason_to_begin_again():
    weights, targets = lessons()
    taught, run = weights[:, None] * targets, a_run()
    before = start_of(run.network)
    adjoints = [torch.rand_like(before) for _ in range(3)]
    expected = list(run.retreat(before, 0, taught, adjoints))
    calls, along = 0, type(run)._along

    def full_once(self: TrainingRun, *given: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise torch.OutOfMemoryError(WORDS)
        return along(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingRun, "_along", full_once)
        found = list(run.retreat(before, 0, taught, adjoints))
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_any_other_error_of_a_step_is_raised():
    run, (weights, targets) = a_run(), lessons()
    run.network.register_forward_pre_hook(lambda *given: (_ for _ in ()).throw(RuntimeError("shapes differ")))
    with pytest.raises(RuntimeError, match="shapes differ"):
        run.advance(start_of(run.network), 0, weights[:, None] * targets)


@pytest.mark.parametrize("scope", ["all", "head"])
def test_an_index_whose_batches_do_not_fit_gives_the_same_scores(scope: Scope):
    model, train, targets = token_classifier(CLASSES), token_data(14, 5, CLASSES), token_data(6, 4, CLASSES, seed=4)

    def scores() -> list[Tensor]:
        analysis = WholeModel(model, WholeModelSettings(scope=scope)).fit(train).index(train)
        refined = analysis.refined(train).influence(analysis.gradients(targets))[0]
        return [analysis.influence(targets), analysis.refined_on_mean(targets, train)[0], refined]

    expected = scores()
    sizes = crowded(model, 3)
    for found, one in zip(scores(), expected, strict=True):
        torch.testing.assert_close(found, one, rtol=1e-6, atol=1e-9)
    assert {5, 4, 3, 2} <= set(sizes)


def test_one_example_that_does_not_fit_into_memory_is_told():
    model, train = token_classifier(CLASSES), token_data(6, 3, CLASSES)
    analysis = WholeModel(model).fit(train)
    crowded(model, 0)
    with pytest.raises(torch.OutOfMemoryError):
        analysis.fit(train)
    with pytest.raises(torch.OutOfMemoryError):
        analysis.index(train)
