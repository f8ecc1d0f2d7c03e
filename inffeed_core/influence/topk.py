"""Top-k over scores that arrive in blocks: memory for one block, the same answer for any block size.

Ties go to the lower index.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from inffeed_core.influence.accepted import accepting

Kept = tuple[Float[Tensor, "t kept"], Int[Tensor, "t kept"]]
"""Scores of every row, largest first, and their columns."""
GROUP = 64
"""Neighbouring columns of which the largest score is looked at first."""


def top_k(scored_blocks: Iterable[tuple[int, Shaped[Tensor, "t b"]]], k: int) -> Kept:
    """The k largest scores of every row and their column numbers, largest first.

    `scored_blocks` yields (number of the block's first column, scores) in ascending column order. Fewer than k
    columns in all give fewer results. Entries of −inf never appear before finite ones and mark "not eligible".
    """
    kept: Kept | None = None
    for first, block in scored_blocks:
        kept = merged(kept, first, block, k)
    if kept is None:
        raise ValueError("top_k needs at least one block.")
    return kept


@accepting(block="floats")
def merged(
    kept: tuple[Float[Tensor, "t before"], Int[Tensor, "t before"]] | None,
    first: int,
    block: Float[Tensor, "t b"],
    k: int,
    *,
    lowest: bool = False,
) -> Kept:
    """The k largest of what was kept and of a later block, whose first column has the number `first`.

    With `lowest` it is the negated scores of the block that count, and that are kept; the block is not negated for it.
    """
    best, where = _largest(*_candidates(block, min(k, block.shape[1]), lowest), min(k, block.shape[1]))
    where = where + first
    if kept is not None:
        best, where = torch.cat([kept[0], best], 1), torch.cat([kept[1], where], 1)
    order = torch.sort(best, dim=1, descending=True, stable=True).indices[:, :k]
    return best.gather(1, order), where.gather(1, order)


def _candidates(block: Float[Tensor, "t b"], k: int, lowest: bool) -> Kept:
    """Scores among which the k largest of each row are, in column order, and their columns.

    They lie in the k groups of neighbouring columns with the largest maxima, the first ones among those that tie: each
    group before another holds a score that comes before all of that one's. So the block is read once, to find maxima,
    where searching it takes ten times as long.
    """
    rows, columns = block.shape
    groups = columns // GROUP
    if groups <= k:
        return -block if lowest else block, torch.arange(columns).expand(rows, -1)
    inside = block[:, : groups * GROUP].view(rows, groups, GROUP)
    tops = -inside.amin(2) if lowest else inside.amax(2)
    which = _largest(tops, torch.arange(groups).expand(rows, -1), k)[1]
    where = (which.unsqueeze(2) * GROUP + torch.arange(GROUP)).flatten(1)
    where = torch.cat([where, torch.arange(groups * GROUP, columns).expand(rows, -1)], 1)
    found = block.gather(1, where)
    return -found if lowest else found, where


def _largest(scores: Float[Tensor, "t b"], columns: Int[Tensor, "t b"], k: int) -> Kept:
    """The k largest of each row in column order, lowest columns first among those that tie for the last place."""
    values, where = torch.topk(scores, min(k + 1, scores.shape[1]), dim=1)
    crowded = (values[:, k - 1] == values[:, -1]).nonzero().squeeze(1) if values.shape[1] > k else torch.empty(0)
    where = where[:, :k]
    if len(crowded):  # torch.topk picks any of the tied ones
        exact = torch.sort(scores[crowded], dim=1, descending=True, stable=True).indices[:, :k]
        where[crowded] = exact
    where = where.sort(1).values
    return scores.gather(1, where), columns.gather(1, where)
