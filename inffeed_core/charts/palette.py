"""The colours of meaning, the same in charts and in the review room.

Middle tones that are legible on white and on near-black (3:1 or better on both); the room darkens or lightens them for
text. Blue and orange stand for the sign of an influence, and no label has them. A shape, a pattern, a side or a word
always says the same as a colour.
"""

LABEL_COLOURS = (
    "#8A63D2",  # violet
    "#2E9363",  # green
    "#C4506B",  # rose
    "#A57F22",  # ochre
    "#74808F",  # slate
    "#2B8F9B",  # teal
    "#A0694B",  # brown
    "#B45BA5",  # pink
    "#7B8B2E",  # olive
)
"""By a label's place in the project's settings; they repeat after nine, each time with another shape in the room."""
COLOUR_NAMES = ("violet", "green", "rose", "ochre", "slate", "teal", "brown", "pink", "olive")
"""Of `LABEL_COLOURS`, for a label whose colour is chosen."""

POSITIVE = "#3D7DC8"
"""Blue: influence that helps."""
NEGATIVE = "#C9662B"
"""Orange: influence that harms."""
NEUTRAL = "#7C8894"
