import json
import time
from pathlib import Path

import pytest
import torch
from forked import ended, forked
from small_networks import token_classifier, token_data

from inffeed_core.errors import Cancelled, NotReady, SettingsError
from inffeed_core.influence import gradient_index
from inffeed_core.influence.gradient_index import (
    IndexHeader,
    build_index,
    load_factors,
    save_factors,
)
from inffeed_core.influence.whole_model import Store, WholeModel, WholeModelSettings

DATA = [({"x": torch.full((3, 1), float(i))}, torch.zeros(3, dtype=torch.long)) for i in range(6)]
EMPTY = IndexHeader("key", "code", 4, "float32")


def rows_of(batch):
    return batch["x"] * torch.arange(1.0, 5.0) + torch.arange(3.0).unsqueeze(1)


def encode(batch, labels):
    """Gradients, and two curvature rows for each example."""
    rows = rows_of(batch)
    return rows, torch.cat([rows + 1, rows - 1])


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr("inffeed_core.influence.gradient_index.CHUNK_ROWS", 6)
    monkeypatch.setattr("inffeed_core.influence.gradient_index.SAVED_ROWS", 6)


def test_rows_come_back_in_order_in_blocks_of_any_size(tmp_path):
    index = build_index(tmp_path, EMPTY, DATA, encode)
    expected = torch.cat([rows_of(batch) for batch, _ in DATA])
    for rows in (1, 5, 100):
        assert torch.equal(torch.cat([block for _, block in index.blocks(rows)]), expected)
    assert [first for first, _ in index.blocks(7)] == [0, 7, 14]


def test_curvature_is_the_mean_outer_product_whatever_the_chunks(tmp_path, monkeypatch):
    curvature = torch.cat([encode(*pair)[1] for pair in DATA]).double()
    expected = curvature.T @ curvature / 18
    for chunk in (1, 6, 100):
        monkeypatch.setattr("inffeed_core.influence.gradient_index.CHUNK_ROWS", chunk)
        index = build_index(tmp_path / str(chunk), EMPTY, DATA, encode)
        torch.testing.assert_close(index.curvature().triu(), expected.triu(), rtol=1e-6, atol=0)


def test_half_precision_halves_the_file(tmp_path):
    build_index(tmp_path / "single", EMPTY, DATA, encode)
    index = build_index(tmp_path / "half", IndexHeader("key", "code", 4, "float16"), DATA, encode)
    sizes = [(tmp_path / name / "gradients.bin").stat().st_size for name in ("single", "half")]
    assert sizes == [18 * 4 * 4, 18 * 4 * 2]
    (_, rows), *_ = index.blocks(100)
    torch.testing.assert_close(rows, torch.cat([rows_of(batch) for batch, _ in DATA]), rtol=1e-3, atol=0)


def test_cancelled_work_is_kept_and_not_done_again(tmp_path):
    def stop_after_two(stage, done, total):
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        build_index(tmp_path, EMPTY, DATA, encode, stop_after_two)
    computed = []

    def counted(batch, labels):
        computed.append(batch["x"][0].item())
        return encode(batch, labels)

    build_index(tmp_path, EMPTY, DATA, counted)
    assert computed == [2.0, 3.0, 4.0, 5.0]  # batch 2 was done, but its chunk was not
    build_index(tmp_path, EMPTY, DATA, counted)
    assert len(computed) == 4


def test_what_was_written_but_not_counted_is_cut_off(tmp_path):
    whole = build_index(tmp_path / "whole", EMPTY, DATA, encode)
    torn = tmp_path / "torn"

    def stop_after_four(stage, done, total):
        if done == 4:
            raise Cancelled

    with pytest.raises(Cancelled):
        build_index(torn, EMPTY, DATA, encode, stop_after_four)
    with (torn / "gradients.bin").open("ab") as file:
        file.write(b"half a row")
    (torn / "curvature-18.npy").write_bytes(b"half a matrix")
    index = build_index(torn, EMPTY, DATA, encode)
    assert (torn / "gradients.bin").read_bytes() == (whole.folder / "gradients.bin").read_bytes()
    assert torch.equal(index.curvature(), whole.curvature())


def test_a_resumed_run_with_other_batches_is_refused(tmp_path):
    def stop_after_two(stage, done, total):
        if done == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        build_index(tmp_path, EMPTY, DATA, encode, stop_after_two)
    joined = [({"x": torch.zeros(18, 1)}, torch.zeros(18, dtype=torch.long))]
    with pytest.raises(SettingsError, match="Batches changed"):
        build_index(tmp_path, EMPTY, joined, encode)


def test_another_key_is_refused_and_nothing_is_lost(tmp_path):
    build_index(tmp_path, EMPTY, DATA, encode)
    before = (tmp_path / "gradients.bin").read_bytes()
    for other in (IndexHeader("other", "code", 4, "float32"), IndexHeader("key", "other", 4, "float32")):
        with pytest.raises(NotReady, match="another model"):
            build_index(tmp_path, other, DATA, encode)
    assert (tmp_path / "gradients.bin").read_bytes() == before


def test_factors_survive_the_disk_in_their_order(tmp_path):
    train = token_data(12, batch=5)
    factors = WholeModel(token_classifier()).fit(train).factors
    assert load_factors(tmp_path, "key") is None
    save_factors(tmp_path, "key", factors)
    loaded = load_factors(tmp_path, "key")
    assert list(loaded) == list(factors)
    for name, block in factors.items():
        assert torch.equal(loaded[name].eigenvalues, block.eigenvalues)
        assert torch.equal(loaded[name].input_basis, block.input_basis)
        assert loaded[name].trace == block.trace
    with pytest.raises(NotReady, match="another model"):
        load_factors(tmp_path, "other")


def index_slowly(folder: Path, slow: float) -> None:
    """What a child does; it waits so long after each batch."""
    gradient_index.CHUNK_ROWS, gradient_index.SAVED_ROWS = 4, 8
    train = token_data(60, batch=2)
    analysis = WholeModel(
        token_classifier(),
        WholeModelSettings(dimension=40),
        store=Store(folder, "key"),
        progress=lambda stage, done, total: time.sleep(slow if stage.startswith("Encoding") else 0),
    )
    analysis.fit(train).index(train)


def rows_in(folder: Path) -> int:
    try:
        return json.loads((folder / "index.json").read_text())["rows"]
    except FileNotFoundError:
        return 0


def test_a_killed_run_resumes_to_identical_bytes(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    child = forked(index_slowly, killed, 0.2)
    try:
        deadline = time.monotonic() + 120
        while rows_in(killed) < 10 and time.monotonic() < deadline:
            time.sleep(0.02)
    finally:
        child.kill()
        child.join()
    assert 10 <= rows_in(killed) < 60
    for folder in (killed, whole):
        assert ended(index_slowly, folder, 0.0) == 0
    for name in ("gradients.bin", "curvature-60.npy"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    assert json.loads((killed / "index.json").read_text())["complete"]


def test_a_stored_analysis_answers_like_one_in_memory(tmp_path):
    train, targets = token_data(20, batch=6), token_data(4, batch=4, seed=5)
    settings = WholeModelSettings(dimension=30)
    stored = WholeModel(token_classifier(), settings, store=Store(tmp_path, "key")).fit(train).index(train)
    reopened = WholeModel(token_classifier(), settings, store=Store(tmp_path, "key")).fit(train).index(train)
    in_memory = WholeModel(token_classifier(), settings).fit(train).index(train)
    torch.testing.assert_close(stored.influence(targets), in_memory.influence(targets), rtol=1e-4, atol=1e-9)
    assert torch.equal(stored.influence(targets), reopened.influence(targets))
