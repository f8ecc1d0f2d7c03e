import pytest

from inffeed_core.errors import ModelError
from inffeed_core.models.labels import LabelMapping, label_mapping


def test_names_match_regardless_of_case_and_order() -> None:
    assert label_mapping(["NEGATIVE", "Positive"], ["positive", "negative"]) == LabelMapping(
        {"NEGATIVE": "negative", "Positive": "positive"}
    )


def test_exact_names_win_over_case() -> None:
    assert label_mapping(["Yes", "yes"], ["yes", "Yes"]).mapping == {"Yes": "Yes", "yes": "yes"}


def test_nameless_labels_go_by_position_with_a_warning() -> None:
    mapped = label_mapping(["LABEL_0", "LABEL_1"], ["ham", "spam"])
    assert mapped.mapping == {"LABEL_0": "ham", "LABEL_1": "spam"}
    assert "ham = LABEL_0, spam = LABEL_1" in mapped.warning


def test_a_label_that_the_model_never_predicts_is_told() -> None:
    mapped = label_mapping(["a", "b"], ["a", "b", "c"])
    assert mapped.mapping == {"a": "a", "b": "b"}
    assert "never predicts c" in mapped.warning


def test_given_mapping_may_join_labels() -> None:
    given = {"1 star": "bad", "2 stars": "bad", "3 stars": "good"}
    assert label_mapping(list(given), ["good", "bad"], given) == LabelMapping(given)


@pytest.mark.parametrize(
    ("model_labels", "project_labels", "given"),
    [
        (["a", "b"], ["c", "d"], None),
        (["a", "b", "c"], ["a", "b"], None),
        (["YES", "no"], ["Yes", "yes", "no"], None),  # either could be meant
        (["Yes", "YES"], ["yes", "no"], None),  # both would be one label
        (["LABEL_0", "LABEL_1", "LABEL_2"], ["a", "b"], None),
        (["a", "b"], ["c", "d"], {"a": "c"}),
        (["a", "b"], ["c", "d"], {"a": "c", "b": "e"}),
        (["a", "b"], ["c", "d"], {"a": "c", "b": "d", "x": "c"}),
    ],
)
def test_what_does_not_match_is_refused(
    model_labels: list[str], project_labels: list[str], given: dict[str, str] | None
) -> None:
    with pytest.raises(ModelError, match="mapping"):
        label_mapping(model_labels, project_labels, given)
