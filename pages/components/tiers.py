"""The tiers of influence in words."""

from inffeed_core.records import Analysis
from pages.language import called, say


def tier_name(scope: str) -> str:
    """Whose weights influence goes through."""
    return called(f"tiers.{scope}")


def analysis_name(one: Analysis) -> str:
    """Its number, version, tier and time, on one line."""
    return say(
        "tiers.refined" if one.settings.get("refine") else "tiers.analysis",
        id=one.id,
        version=one.version,
        tier=tier_name(str(one.settings.get("scope", "head"))),
        time=one.created[:16].replace("T", " "),
    )
