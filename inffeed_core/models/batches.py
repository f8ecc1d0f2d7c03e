"""Which texts are encoded together: alike in length, bounded in padded tokens, in an order that estimates can trust."""

import numpy as np
from numpy.typing import NDArray


def plan_batches(lengths: NDArray[np.int64], batch_tokens: int, most: int | None = None) -> list[NDArray[np.int64]]:
    """Rows of each batch, at most `most` of them, for texts of these lengths in tokens.

    Texts are sorted by length, so that little is padded, and a batch times its longest text stays within
    `batch_tokens` (one text alone may exceed it). The batches then come in a fixed shuffled order: each is a fair
    sample of what is left, so the time left can be told from the texts done; longest first would start too gloomy.
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
