"""How many labels wait for a retrain and how many texts for a decision, in words."""

from collections.abc import Mapping

from inffeed_core.records import UNDECIDED, Act, Changes
from pages.language import counted, say


def changes_said(changes: Changes) -> str:
    """Such as "32 corrections, 13 confirmations"; empty if nothing has changed."""
    parts = {"corrections": changes.corrected, "confirmations": changes.confirmed, "withdrawals": changes.withdrawn}
    return say("standing.between").join(counted(f"standing.{name}", n) for name, n in parts.items() if n)


def undecided_said(undecided: Mapping[Act, int]) -> str:
    """Such as "3 skipped, 2 unsure"; `undecided` counts texts by act. Empty if there are none."""
    return say("standing.between").join(
        say(f"standing.{act}", count=undecided[act]) for act in UNDECIDED if undecided.get(act)
    )
