"""Which texts are encoded together: of similar length, bounded in padded tokens, in an order that suits estimates."""

import numpy as np
from numpy.typing import NDArray


def plan_batches(lengths: NDArray[np.int64], batch_tokens: int, most: int | None = None) -> list[NDArray[np.int64]]:
    """The rows of each batch, at most `most` per batch, for texts of these lengths in tokens.

    Texts are sorted by length to reduce padding, and the rows of a batch times its longest text stay within
    `batch_tokens` (a single text may exceed it). The batches are then shuffled in a fixed way: each is a fair
    sample of the rest, so the texts done predict the time left; longest first would start too pessimistic.
    """
    order = np.argsort(-lengths, kind="stable")
    batches = []
    start = 0
    while start < len(order):
        size = min(max(1, batch_tokens // max(1, int(lengths[order[start]]))), most or len(order))
        batches.append(order[start : start + size])
        start += size
    shuffled = np.random.default_rng(0).permutation(len(batches))
    return [batches[i] for i in shuffled]
