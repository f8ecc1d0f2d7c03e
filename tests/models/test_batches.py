import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inffeed_core.models.batches import plan_batches

texts_in_tokens = st.lists(st.integers(1, 300), max_size=200).map(np.array)


@given(texts_in_tokens, st.integers(8, 2000))
def test_every_text_is_in_one_batch_within_the_bound(lengths: np.ndarray, batch_tokens: int) -> None:
    batches = plan_batches(lengths, batch_tokens)
    assert sorted(row for batch in batches for row in batch.tolist()) == list(range(len(lengths)))
    assert all(len(batch) == 1 or len(batch) * lengths[batch].max() <= batch_tokens for batch in batches)


def test_little_is_padded() -> None:
    lengths = np.random.default_rng(3).geometric(0.04, size=5000).clip(1, 256)
    padded = sum(len(batch) * lengths[batch].max() for batch in plan_batches(lengths, 4096))
    assert padded < 1.1 * lengths.sum()  # unsorted batches of 32 would pad 4 tokens for each real one


def test_early_batches_are_a_fair_sample_of_the_work() -> None:
    lengths = np.random.default_rng(4).integers(4, 256, size=20_000)
    batches = plan_batches(lengths, 4096)
    early = batches[: len(batches) // 10]
    done = sum(map(len, early)) / len(lengths)
    work = sum(lengths[batch].sum() for batch in early) / lengths.sum()
    assert 0.8 < done / work < 1.25
