"""The command line: everything a page can do, for scripts and for machines without a browser.

    console.py   errors to exit codes, progress, JSON: what all commands share
    data.py      new, import, backup, settings
    exporting.py export, push-data, push-model
    labelling.py label
    sources.py   sources; what an import is told about them
    decision_rows.py  files with a row for each decision
    learning.py  train, analyse, retrain, versions, promote, export-model
    version_words.py  what is said of a new version
    training_options.py  settings as options
    label_set.py labels
    putting_away.py  archive, delete, restore
    encoders.py  encoders
    encoding.py  encode, and the options of Ray
    rules.py     rule
    analyses.py  analyses, compare, verify
    reporting.py report
    review.py    flags, influencers, explain, decide, undo, release, audit, discussion
    team.py      decisions, agreement
    health.py    health
    people.py    team, assign
    filtering.py the options that choose among flags
    languages.py the words of the app in another language
    feedback.py  feedback propose, show, apply, acts, undo, send
    merging.py   merge
    outside.py   serve-api, api-key, webhooks
    running.py   status, jobs, cancel, app
    bench.py     bench repair, bench fidelity
    bench_rules.py  bench rules

Answers go to standard output, everything else to standard error. Exit codes: 0 done, 1 an error that its message
explains, 2 wrong usage, 130 cancelled. Commands import what they need when they run, so that `--help` answers at once.
"""

import click

from inffeed_core import __version__
from inffeed_core.cli import (
    analyses,
    bench_rules,
    data,
    encoders,
    encoding,
    exporting,
    feedback,
    health,
    label_set,
    labelling,
    learning,
    merging,
    outside,
    people,
    putting_away,
    reporting,
    review,
    rules,
    running,
    sources,
    team,
)
from inffeed_core.cli.console import Commands
from inffeed_core.models import several

EXAMPLE = """
\b
Example, from labels to a repaired data set:
  inffeed new reviews --labels negative,positive
  inffeed import reviews gold.csv --split train
  inffeed import reviews dev.csv --split validation
  inffeed import reviews silver.csv --split silver
  inffeed retrain reviews
  inffeed flags reviews --limit 20
  inffeed decide reviews silver-000017 negative --annotator Ana
  inffeed retrain reviews
  inffeed export reviews repaired.csv
"""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EXAMPLE)
@click.version_option(__version__, prog_name="inffeed")
@click.pass_context
def main(context: click.Context) -> None:
    """Find and repair wrong silver labels with influence functions."""
    if several.launched() and context.invoked_subcommand not in SHARED:
        raise click.UsageError(
            f"accelerate launch is for {' and '.join(SHARED)} with a method that fine-tunes; start "
            f"{context.invoked_subcommand} alone."
        )


SHARED = ("train", "retrain")
"""Commands that several processes can share."""
OF_PROJECTS = (
    data,
    exporting,
    sources,
    label_set,
    labelling,
    health,
    learning,
    encoders,
    encoding,
    rules,
    analyses,
    reporting,
    review,
    team,
    people,
    feedback,
    merging,
    putting_away,
    outside,
    running,
)
for module in (*OF_PROJECTS, bench_rules):
    for command in module.COMMANDS:
        main.add_command(command)
