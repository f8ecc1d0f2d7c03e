"""`inffeed rule`: what it shows, and that it changes what the other commands show."""

from typing import Any, cast

from commands import answer, run

from inffeed_core.project.folder import Project


def told(*arguments: object) -> dict[str, Any]:
    return cast(dict[str, Any], answer(*arguments))


def test_a_rule_is_shown_and_changed_without_training(trained: Project):
    folder = trained.folder
    shown = run("rule", folder).stdout
    assert "v1 decides by macro-f1, chosen by training." in shown
    assert "* macro-f1" in shown
    assert "calibrated" in shown
    assert "argmax" in shown
    changed = told("rule", folder, "v1", "--use", "calibrated", "--by", "Ana")
    assert changed["rule"] == "calibrated"
    assert (changed["choices"][0]["by"], len(changed["choices"])) == ("Ana", 2)
    [version] = told("versions", folder)["versions"]
    assert version["rule"] == "calibrated"
    assert version["validation"] == changed["rules"]["calibrated"]["validation"]


def test_wrong_rules_and_versions_are_refused(trained: Project):
    assert "v9" in run("rule", trained.folder, "v9", code=1).output
    assert "best" in run("rule", trained.folder, "--use", "best", code=2).output


def test_before_the_first_version_there_is_nothing_to_decide(project: Project):
    assert "inffeed train" in run("rule", project.folder, code=1).output


def test_a_version_starts_with_the_rule_that_training_was_given(trained: Project):
    said = run("retrain", trained.folder, "--rule", "calibrated").stdout
    assert "with calibrated probabilities" in said
    assert told("rule", trained.folder)["rule"] == "calibrated"
    assert "with calibrated probabilities" in run("retrain", trained.folder).stdout
