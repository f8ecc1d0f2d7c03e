"""The tiers of influence in words."""

from inffeed_core.records import Analysis
from inffeed_core.settings import Scope

TIERS: dict[Scope, str] = {"head": "Head", "last-block": "Last block and head", "all": "Whole model"}
HELP = (
    "Whose weights influence goes through. Head: seconds, exact. Last block and head, or whole model: also what the "
    "encoder made of the texts; minutes instead, since each text is run through it forwards and backwards. It changes "
    "the order Negative influence and the influencers; suggestions and Expected gain are always the head's."
)
REFINE_HELP = (
    "Beyond the head: Negative influence by the exact curvature instead of its main components. Some dozen more passes "
    "over all training texts."
)


def analysis_name(one: Analysis) -> str:
    """Its number, version, tier and time, on one line."""
    scope: Scope = one.settings.get("scope", "head")  # type: ignore[assignment]
    refined = ", refined" if one.settings.get("refine") else ""
    return f"{one.id} · {one.version} · {TIERS[scope]}{refined} · {one.created[:16].replace('T', ' ')}"
