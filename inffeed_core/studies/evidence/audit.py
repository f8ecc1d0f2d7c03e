"""What the runs say about the audit: how often its intervals held the truth, in Markdown."""

import numpy as np

from inffeed_core.studies.evidence.tables import Evidence, percent, table
from inffeed_core.studies.repair.audit import AUDIT, REVIEWED
from inffeed_core.studies.repair.runs import Row


def audit_rows(found: Evidence) -> list[Row]:
    """One for each set, seed and share reviewed."""
    return [row for name in found.sets for row in found.cell(name, AUDIT, 0.0)]


def held(rows: list[Row], key: str = "covered") -> float:
    """Share of all estimates whose interval held the truth; with `next_rate_error`, the mean error. NaN without any."""
    told = [row for row in rows if row["estimates"]]
    weights = [row["estimates"] for row in told]
    return float(np.average([row[key] for row in told], weights=weights)) if told else float("nan")


def audit_table(found: Evidence) -> str:
    """Rows by the share of the silver shown to the annotator."""
    head = ["reviewed", "texts in the sample", "audits with an estimate", "interval of the rate holds the truth"]
    head += ["interval of what is left holds it", "error of the next text's chance to be wrong"]
    lines = []
    for share in REVIEWED:
        rows = [row for row in audit_rows(found) if row["reviewed"] == share]
        size, estimates = np.mean([row["checked"] for row in rows]), sum(row["estimates"] for row in rows)
        given = [f"{size:.0f}", f"{estimates / sum(row['audits'] for row in rows):.0%}"]
        shares = [held(rows), held(rows, "left_covered"), held(rows, "next_rate_error")]
        lines.append([percent(share), *given, *(f"{value:.1%}" if estimates else "–" for value in shares)])
    return table(head, lines)
