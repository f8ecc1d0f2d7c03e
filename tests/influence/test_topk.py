import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from inffeed_core.influence import top_k
from inffeed_core.influence.topk import GROUP, merged


@st.composite
def scores_cut_into_blocks(draw: st.DrawFn):
    """Small integers, so that ties are common, and random places to cut the columns."""
    targets, columns = draw(st.integers(1, 4)), draw(st.integers(1, 40))
    values = draw(st.lists(st.integers(-3, 3), min_size=targets * columns, max_size=targets * columns))
    cuts = sorted(draw(st.sets(st.integers(1, columns - 1), max_size=6))) if columns > 1 else []
    scores = torch.tensor(values, dtype=torch.float32).view(targets, columns)
    return scores, [0, *cuts, columns], draw(st.integers(1, columns + 3))


@given(scores_cut_into_blocks())
def test_blocks_give_what_one_stable_sort_of_everything_gives(case):
    scores, edges, k = case
    parts = [(a, scores[:, a:b]) for a, b in zip(edges, edges[1:], strict=False)]
    values, columns = top_k(iter(parts), k)
    expected = torch.sort(scores, dim=1, descending=True, stable=True)
    assert torch.equal(values, expected.values[:, :k])
    assert torch.equal(columns, expected.indices[:, :k])


@given(st.integers(0, 2**31), st.integers(1, 5), st.integers(0, GROUP), st.booleans(), st.booleans())
def test_blocks_of_many_groups_give_what_one_stable_sort_gives_at_both_ends(seed, k, rest, few_values, lowest):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(3, 9 * GROUP + rest, generator=generator)
    scores = (scores * 2).round() if few_values else scores
    scores[0, torch.randperm(scores.shape[1], generator=generator)[: 8 * GROUP]] = torch.inf if lowest else -torch.inf
    cut = 7 * GROUP + rest // 2
    found = merged(merged(None, 0, scores[:, :cut], k, lowest=lowest), cut, scores[:, cut:], k, lowest=lowest)
    expected = torch.sort(-scores if lowest else scores, dim=1, descending=True, stable=True)
    assert torch.equal(found[0], expected.values[:, :k])
    assert torch.equal(found[1], expected.indices[:, :k])


def test_needs_a_block():
    with pytest.raises(ValueError, match="at least one block"):
        top_k(iter([]), 3)
