"""Colours are legible on both backgrounds."""

import pytest

from inffeed_core.charts.palette import LABEL_COLOURS, NEGATIVE, NEUTRAL, POSITIVE


def luminance(colour: str) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colour", [*LABEL_COLOURS, POSITIVE, NEGATIVE, NEUTRAL])
@pytest.mark.parametrize("background", ["#FFFFFF", "#14191F"])
def test_every_colour_has_a_contrast_of_three_to_one(colour, background):
    lighter, darker = sorted((luminance(colour), luminance(background)), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_no_two_labels_share_a_colour_or_have_that_of_a_sign():
    assert len({*LABEL_COLOURS, POSITIVE, NEGATIVE}) == len(LABEL_COLOURS) + 2
