"""Looking at a page, and what to fill projects with."""

from reviewing import LABELS
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Button

from inffeed_core.records import Interval, Metrics, ModelVersion


def texts(app: AppTest) -> str:
    """Everything on the page that `st.text` wrote."""
    return "\n".join(t.value for t in app.text)


def button(app: AppTest, label: str) -> Button:
    return next(b for b in app.button if b.label == label)


def metrics(macro: float) -> Metrics:
    interval = Interval(macro, macro - 0.05, macro + 0.05)
    return Metrics(100, interval, dict.fromkeys(LABELS, interval), 0.5, macro)


def version(id: str, parent: str | None, validation: Metrics | None) -> ModelVersion:
    counts = {"gold": 12, "silver": 40}
    return ModelVersion(id, parent, "", "org/encoder", "", "", 0, {}, 0, counts, validation, None)
