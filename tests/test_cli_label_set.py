"""`inffeed labels`: what it shows, and that each change is one act with an undo."""

from commands import answer, run

from inffeed_core.project.folder import Project, settings_of


def test_labels_are_shown_and_changed_by_one_act_each(project: Project):
    folder = project.folder
    shown = run("labels", folder).stdout
    assert shown.splitlines()[0].split() == ["negative", "25", "texts"]
    run("labels", folder, "--rename", "positive", "yes, very", "--by", "Ana")
    run("labels", folder, "--add", "mixed")
    run("labels", folder, "--describe", "mixed", "Some of both.")
    told = answer("labels", folder, "--order", '"yes, very",mixed,negative', "--by", "Ana")
    assert [(one["label"], one["description"]) for one in told["labels"]] == [
        ("yes, very", ""),
        ("mixed", "Some of both."),
        ("negative", ""),
    ]
    assert [(one["act"], one["by"]) for one in told["changes"]] == [
        ("reorder", "Ana"),
        ("describe", "command line"),
        ("add", "command line"),
        ("rename", "Ana"),
    ]
    assert "Ana: rename positive → yes, very" in run("labels", folder).stdout
    run("labels", folder, "--merge", "negative", "mixed")
    assert settings_of(project).labels == ("yes, very", "mixed")
    for _ in range(5):
        run("labels", folder, "--undo")
    assert settings_of(project).labels == ("negative", "positive")
    assert "is left to undo" in run("labels", folder, "--undo", code=1).output


def test_a_retired_label_is_told_and_given_again(project: Project):
    run("labels", project.folder, "--add", "mixed")
    assert "positive        23 texts  retired" in run("labels", project.folder, "--retire", "positive").stdout
    assert "retired" in run("decide", project.folder, "silver-2", "positive", "--annotator", "Ana", code=1).output
    assert settings_of(project).offered == ("negative", "mixed")
    run("labels", project.folder, "--restore", "positive")
    assert settings_of(project).offered == ("negative", "positive", "mixed")


def test_two_changes_at_once_are_refused(project: Project):
    said = run("labels", project.folder, "--add", "mixed", "--retire", "positive", code=2).output
    assert "--add, --retire" in said
    assert settings_of(project).labels == ("negative", "positive")


def test_wrong_labels_are_refused_in_words(project: Project):
    assert "'glad' is not a label" in run("labels", project.folder, "--rename", "glad", "happy", code=1).output
    assert "has the label 'positive' already" in run("labels", project.folder, "--add", "positive", code=1).output
