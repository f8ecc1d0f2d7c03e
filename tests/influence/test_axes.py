"""What the package says of types and axes is checked at every call while testing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import axes
import pytest
import torch
from beartype import beartype
from jaxtyping import Float, Int, TypeCheckError
from torch import Tensor

from inffeed_core.influence import cotangents, softmax
from inffeed_core.influence.accepted import floats

checked = axes.checked(typechecker=beartype)
ROWS = torch.zeros(3, 2)


@checked
def weighed(features: Float[Tensor, "rows features"], weights: Float[Tensor, " rows"] | None = None) -> Any:
    return features if weights is None else features * weights[:, None]


@checked
def halved(features: Float[Tensor, "rows features"]) -> "Float[Tensor, 'rows features']":
    return features[::2]


@checked
def blocks(features: Float[Tensor, "rows features"], size: int) -> Iterator[Tensor]:
    yield from features.split(size)


@checked
def named(name: str, *more: int) -> str:
    return name * len(more) or more  # type: ignore[return-value]


@checked
@dataclass(frozen=True, slots=True)
class Labelled:
    features: Float[Tensor, "rows features"]
    labels: Int[Tensor, " rows"]


def test_what_fits_passes():
    assert weighed(ROWS, weights=torch.ones(3)).shape == (3, 2)
    assert weighed(torch.zeros(5, 7)).shape == (5, 7)
    assert len(list(blocks(ROWS, size=2))) == 2
    assert named("a", 1) == "a"
    assert len(Labelled(ROWS, torch.zeros(3, dtype=torch.long)).labels) == 3


@pytest.mark.parametrize(
    "call",
    [
        lambda: weighed(ROWS, torch.ones(2)),
        lambda: weighed(ROWS, weights=torch.ones(2)),
        lambda: weighed(ROWS.long()),
        lambda: weighed(ROWS[0]),
        lambda: halved(ROWS),
        lambda: blocks(ROWS, "2"),
        lambda: named(1),
        lambda: named("a", "b"),
        lambda: named("a"),
        lambda: Labelled(ROWS, torch.zeros(4, dtype=torch.long)),
        lambda: Labelled(features=ROWS, labels=torch.zeros(3)),
    ],
)
def test_what_does_not_fit_is_told(call):
    with pytest.raises(TypeCheckError):
        call()
    weighed(torch.zeros(4, 2), torch.ones(4))  # and leaves no size behind


def test_the_package_is_checked():
    with pytest.raises(TypeCheckError):
        floats(ROWS, 7)
    with pytest.raises(TypeCheckError):
        cotangents.loss(ROWS, torch.zeros(4, dtype=torch.long))
    with pytest.raises(TypeCheckError):
        softmax.HeadData(ROWS, torch.zeros(3, dtype=torch.long), "2")
