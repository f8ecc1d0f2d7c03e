"""Which texts are encoded together: of similar length, bounded in padded tokens, in an order that suits estimates."""

import numpy as np
from numpy.typing import NDArray

BLOCK = 50
"""Batches among whose texts those of similar length are put together while training."""


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


def epochs_of_batches(lengths: NDArray[np.int64], size: int, epochs: int, seed: int) -> list[NDArray[np.int64]]:
    """The rows of each training step: every row once an epoch, texts of similar length together.

    In each epoch rows are shuffled, sorted by length within blocks of up to `BLOCK` batches (at least four blocks, if
    there are enough rows), cut into batches, and these are shuffled.
    """
    generator = np.random.default_rng(seed)
    block = size * max(1, min(len(lengths) // (4 * size), BLOCK))
    plan: list[NDArray[np.int64]] = []
    for _ in range(epochs):
        order = generator.permutation(len(lengths))
        blocks = [order[first : first + block] for first in range(0, len(order), block)]
        alike = np.concatenate([one[np.argsort(-lengths[one], kind="stable")] for one in blocks])
        batches = [alike[first : first + size] for first in range(0, len(alike), size)]
        plan += [batches[i] for i in generator.permutation(len(batches))]
    return plan
