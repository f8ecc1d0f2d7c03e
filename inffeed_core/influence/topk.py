"""Top-k over scores that arrive in blocks: memory for one block, the same answer for any block size.

Ties go to the lower index.
"""

from collections.abc import Iterable

import torch
from jaxtyping import Float, Int
from torch import Tensor


def top_k(
    scored_blocks: Iterable[tuple[int, Float[Tensor, "t b"]]], k: int
) -> tuple[Float[Tensor, "t kept"], Int[Tensor, "t kept"]]:
    """The k largest scores of every row and their column numbers, largest first.

    `scored_blocks` yields (number of the block's first column, scores) in ascending column order. Fewer than k
    columns in all give fewer results. Entries of −inf never appear before finite ones and mark "not eligible".
    """
    values: Tensor | None = None
    columns = torch.empty(0)
    for first, block in scored_blocks:
        best, where = _largest(block, min(k, block.shape[1]))
        where = where + first
        if values is not None:
            best, where = torch.cat([values, best], 1), torch.cat([columns, where], 1)
        order = torch.sort(best, dim=1, descending=True, stable=True).indices[:, :k]
        values, columns = best.gather(1, order), where.gather(1, order)
    if values is None:
        raise ValueError("top_k needs at least one block.")
    return values, columns


def _largest(block: Float[Tensor, "t b"], k: int) -> tuple[Float[Tensor, "t k"], Int[Tensor, "t k"]]:
    """The k largest of each row in column order, lowest columns first among those that tie for the last place."""
    values, where = torch.topk(block, k, dim=1)
    last = values[:, -1:]
    crowded = ((block >= last).sum(1) > k).nonzero().squeeze(1)
    if len(crowded):  # torch.topk picks any of the tied ones
        exact = torch.sort(block[crowded], dim=1, descending=True, stable=True).indices[:, :k]
        where[crowded] = exact
    where = where.sort(1).values
    return block.gather(1, where), where
