"""Formula-like cells are harmless in a spreadsheet and come back as they were."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inffeed_core.data.formulas import neutralise, restore

formula_like = st.text(alphabet="'=+-@\t\r\n1a", max_size=6)


@given(formula_like | st.text())
@example("'=1")
@example("''=1")
@example("'-5")
@example("-5")
def test_every_text_comes_back(text: str) -> None:
    assert restore(neutralise(text)) == text


@given(st.sampled_from("=+-@\t\r\n"), st.text())
def test_nothing_but_a_plain_number_starts_like_a_formula(start: str, rest: str) -> None:
    written = neutralise(start + rest)
    assert written.startswith("'") or float(written) == float(start + rest)


@pytest.mark.parametrize("text", ["", "'", "'tis", "a=b", "-5", "+1.5e-3", "it's =1"])
def test_harmless_cells_are_left_alone(text: str) -> None:
    assert neutralise(text) == text == restore(text)


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "--5", "＝1"])
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert neutralise(text) == "'" + text
