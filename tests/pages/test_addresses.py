"""Whatever an address holds, a page opens."""

import pytest

PAGES = ("home", "data", "review", "explore", "feedback", "models")
PARAMETERS = (
    "annotator",
    "id",
    "order",
    "view",
    "explore_view",
    "language",
    "with_label",
    "with_source",
    "with_metadata",
    "with_words",
    "page",
    "key",
)
VALUES = ("../../etc/passwd", "'; DROP TABLE instance; --", "\x00", "x" * 20_000, "None", '<b>"&', "[]", "-1", "")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_parameter_breaks_a_page(open_page, reviewable_project, name, value):
    app = open_page(name, reviewable_project, **dict.fromkeys(PARAMETERS, value))
    assert app.session_state["project"] == reviewable_project
    app.run()
    assert not app.exception
