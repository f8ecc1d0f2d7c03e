"""Maps of all texts: which lie inside an outline, how dense they are, and the file that a job leaves."""

import sys
from threading import Event
from types import SimpleNamespace

import numpy as np
import pytest

from inffeed_core import store
from inffeed_core.analysis import mapping
from inffeed_core.analysis.exploring import Marked, portrait, text_map
from inffeed_core.analysis.map_places import Places, density, inside, map_file
from inffeed_core.errors import Cancelled, MissingExtra, NotReady

SQUARE = ((0.0, 2.0, 2.0, 0.0), (0.0, 0.0, 2.0, 2.0))
HORSESHOE = ((0, 6, 6, 4, 4, 2, 2, 0), (0, 0, 6, 6, 2, 2, 6, 6))
BOW = ((0, 4, 4, 0), (0, 4, 0, 4))


def at(*points):
    return Places(ids=tuple(str(n) for n in range(len(points))), at=np.array(points, float))


@pytest.mark.parametrize(
    ("outline", "wanted"),
    [
        (SQUARE, ["0"]),
        (HORSESHOE, ["0", "2", "3"]),  # 1 lies in its gap
        (BOW, ["3"]),
        (((0, 9), (0, 9)), []),
        (((), ()), []),
    ],
)
def test_what_lies_inside_an_outline_is_found_by_the_even_odd_rule(outline, wanted):
    assert inside(at((1, 1), (3, 4), (5, 5), (3.5, 1.9), (9, 9)), [outline]) == wanted


def test_several_outlines_take_what_lies_in_any_of_them():
    assert inside(at((1, 1), (11, 11), (5, 5)), [SQUARE, ((10, 12, 12, 10), (10, 10, 12, 12))]) == ["0", "1"]
    assert inside(at((1, 1)), []) == []


def test_the_density_counts_every_text_once():
    x, y, counts = density(np.array([(0, 0), (0, 0.1), (4, 2)], float), 4, 2)
    assert (len(x), len(y), counts.shape, counts.sum()) == (4, 2, (2, 4), 3)
    assert (counts[0, 0], counts[1, 3]) == (2, 1)


class Turned:
    """In place of UMAP, whose first import compiles for minutes: two of the features, and what it was asked for."""

    def __init__(self, **asked):
        assert (asked["random_state"], asked["n_jobs"]) == (mapping.SEED, 1)

    def fit_transform(self, features):
        return features[:, :2] * 10


def test_the_map_is_made_once_kept_and_drawn_with_every_text(analysed, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Turned))
    with store.reading(analysed.db) as db:
        version = store.active_version(db)
        count = store.count_instances(db)
    shown = portrait(analysed, "silver-1")
    assert text_map(analysed, shown, Marked("random", 3), "umap") is None
    assert mapping.make_map(analysed, lambda *_: None) == count
    drawn = text_map(analysed, shown, Marked("random", 3), "umap")
    assert drawn is not None
    lying = dict(zip(drawn.places.ids, drawn.places.at.tolist(), strict=True))
    assert {p.id: [p.x, p.y] for p in drawn.points} == lying
    first = map_file(analysed, version.id).read_bytes()
    mapping.make_map(analysed, lambda *_: None)
    assert map_file(analysed, version.id).read_bytes() == first
    map_file(analysed, version.id).write_bytes(b"damaged")
    assert text_map(analysed, shown, Marked("random", 3), "umap") is None


def test_a_map_that_is_cancelled_while_it_is_drawn_is_not_kept(analysed, monkeypatch):
    drawing, given_up = Event(), Event()

    class Slow(Turned):
        def fit_transform(self, features):
            drawing.set()
            given_up.wait(60)
            return features[:, :2]

    def progress(stage: str, *_: int) -> None:
        if drawing.is_set():
            raise Cancelled

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Slow))
    monkeypatch.setattr(mapping, "LOOK_SECONDS", 0.01)
    with pytest.raises(Cancelled):
        mapping.make_map(analysed, progress)
    given_up.set()
    assert not list(analysed.features.glob("map-*"))


def test_what_umap_raises_is_raised(analysed, monkeypatch):
    class Failing(Turned):
        def fit_transform(self, features):
            raise ValueError("odd features")

    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Failing))
    with pytest.raises(ValueError, match="odd features"):
        mapping.make_map(analysed, lambda *_: None)


def test_without_the_package_or_a_version_it_is_said_what_to_do(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", SimpleNamespace(UMAP=Turned))
    with pytest.raises(NotReady, match="train one first"):
        mapping.make_map(project, lambda *_: None)
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtra, match=r"umap is not installed; run `pip install \"inffeed\[map\]\"`"):
        mapping.make_map(project, lambda *_: None)
