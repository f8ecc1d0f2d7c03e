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
) -> Kept:
    """The k largest of what was kept and of a later block, whose first column has the number `first`."""
    best, where = _largest(block, min(k, block.shape[1]))
    where = where + first
    if kept is not None:
        best, where = torch.cat([kept[0], best], 1), torch.cat([kept[1], where], 1)
    order = torch.sort(best, dim=1, descending=True, stable=True).indices[:, :k]
    return best.gather(1, order), where.gather(1, order)


def _largest(block: Float[Tensor, "t b"], k: int) -> Kept:
    """The k largest of each row in column order, lowest columns first among those that tie for the last place."""
    values, where = torch.topk(block, min(k + 1, block.shape[1]), dim=1)
    crowded = (values[:, k - 1] == values[:, -1]).nonzero().squeeze(1) if values.shape[1] > k else torch.empty(0)
    where = where[:, :k]
    if len(crowded):  # torch.topk picks any of the tied ones
        exact = torch.sort(block[crowded], dim=1, descending=True, stable=True).indices[:, :k]
        where[crowded] = exact
    where = where.sort(1).values
    return block.gather(1, where), where
