"""How the head's curvature is solved with, chosen by size alone, so that it can be told beforehand.

The curvature of C classes and d features has ((C−1)(d+1))² entries. Three ways answer alike:

- `factor`: form it and factorise it. Exact; for few classes the fastest.
- `rows`: the same inverse by a system with one unknown for each row (`influence.row_dual`). Exact; for many classes and
  few rows.
- `products`: conjugate gradient on products with it (`influence.products`), which needs no memory to speak of, and time
  for every question. Solved to a small residual.

Sizes count multiplications. The limits are those of a machine with two cores and 4 GB. This module imports no torch,
so that a page can say what a retrain will do.
"""

from dataclasses import dataclass
from typing import Literal

Way = Literal["factor", "rows", "products"]

MEMORY = 2**30
"""Bytes that a way may hold."""
ALWAYS = 2_000
"""Weights up to which the curvature is factorised whatever the number of rows: that takes a second."""
WORK = 4e12
"""Multiplications beyond which the system of the rows is not formed: some minutes."""
REACHED = 2e12
"""Multiplications beyond which every row's own pull on the curvature is estimated from its blocks."""
STEPS = 60
"""Products that an answer by conjugate gradient takes, about."""
FOLLOWED = 1e12
"""Multiplications that may go into following the held-out loss to the weights without each row."""
ANSWERS = 3e12
"""Multiplications that may go into influencers computed in advance."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How the curvature of one head is solved with."""

    way: Way
    memory: int
    """Bytes that it holds."""
    answer: float
    """Multiplications of solving for one target."""
    leverage: bool
    """Whether the correction for each row's own pull on the curvature is exact too."""

    @property
    def affordable(self) -> int:
        """Targets that are answered in advance, at most."""
        return max(1, int(ANSWERS / self.answer))

    def said(self) -> str:
        """In words for the command line; nothing where it is the usual way."""
        if self.way == "factor":
            return ""
        way = {
            "rows": "exactly, by a system of the texts",
            "products": "by conjugate gradient, to a residual of 1e-8",
        }[self.way]
        own = "" if self.leverage else " Each text's own pull on the curvature is estimated."
        return (
            f"With so many labels, influence is solved for {way}, in about {self.memory / 2**20:,.0f} MiB.{own} Up to "
            f"{self.affordable:,} texts are explained in advance, others when asked for."
        )


def plan(rows: int, classes: int, features: int) -> Plan:
    """The way for a head of this size: `factor` up to `ALWAYS` weights, then the quicker exact one that fits."""
    n, c, d = float(rows), float(classes), float(features + 1)
    weights = (c - 1) * d
    forming = {"factor": n * weights**2 / 2 + weights**3, "rows": c * d * n * (n + d) + c * d**3 / 3 + n**3 / 3}
    memory = {"factor": 24 * weights**2, "rows": 8 * (c * d**2 + 2 * n**2), "products": 8 * (n * c + 2 * d**2)}
    answer = {
        "factor": weights**2,
        "rows": 2 * c * d * (d + n) + n**2,
        "products": STEPS * 2 * n * c * d,
    }
    reaching = {"factor": n * weights**2 / 2, "rows": c * n**2 * (d + n / 2 + c), "products": float("inf")}
    total = {way: forming[way] + min(reaching[way], REACHED) + n * answer[way] for way in forming}
    fitting = [way for way in forming if memory[way] <= MEMORY and forming[way] <= WORK]
    if weights <= ALWAYS:
        fitting = ["factor"]
    way = min(fitting, key=lambda one: total[one]) if fitting else "products"
    return Plan(
        way=way,  # type: ignore[arg-type]
        memory=int(memory[way]),
        answer=answer[way],
        leverage=weights <= ALWAYS or reaching[way] <= REACHED,
    )


def follows(rows: int, classes: int, features: int, targets: int) -> bool:
    """Whether influence on the mean loss of so many targets is that loss itself, at the weights that one Newton step
    leads to without each row, and not its slope times the step.

    With few weights the two agree to four digits; with many, a step can lead out of where the slope holds.
    """
    chosen, weights = plan(rows, classes, features), (classes - 1.0) * (features + 1)
    return weights > ALWAYS and chosen.leverage and rows * (chosen.answer + targets * weights) <= FOLLOWED
