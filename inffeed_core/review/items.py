"""Review: the open flags, with the evidence behind each, and the decisions about them.

Flags come from the newest analysis of the active model version. Which are open is derived from the decisions,
so a flag leaves the queue when enough annotators have answered it, and returns when that is undone.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlite_utils import Database

from inffeed_core import store
from inffeed_core.data.table import as_text
from inffeed_core.errors import UnknownInstance
from inffeed_core.flags.carrying import Carried, carried
from inffeed_core.flags.policies import POLICIES
from inffeed_core.project.folder import Project
from inffeed_core.records import (
    Analysis,
    Evidence,
    Flag,
    Influencer,
    Instance,
    Metadata,
    SilverLabel,
    Split,
)
from inffeed_core.review.progress import analysis_for
from inffeed_core.settings import SENT
from inffeed_core.store.analyses import Ranked, ScoreRow


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """What an annotator sees about one flag.

    `flag.label` is the label that the analysis saw and the evidence is about. Influencers have their current labels.
    """

    flag: Flag
    evidence: Evidence
    """Empty if the influencers of this flag have not been computed."""
    most_incompatible: Influencer | None
    """The gold text with another label that contradicts the flag's label most; see `most_incompatible`."""
    analysis_id: int
    original: str
    """The imported label, which no decision changes."""
    blind: bool = False
    """Drawn for the audit: to be decided by the text alone, so it carries nothing that a model says about it."""
    harm_known: bool = False
    """Whether the validation examples that it harms were computed; for gold they are not."""
    again: bool = False
    """Answered before but still undecided, and asked for again."""
    source: str = ""
    """Whose the silver label is: the name of a source, `VOTE`, or "" for a source without a name."""
    said: tuple[SilverLabel, ...] = ()
    """What every source says of the text; of one drawn for the audit nothing."""

    @property
    def leave_out(self) -> bool:
        """Whether feedback sent the text to review proposing to leave it out."""
        return self.flag.policy == SENT and self.flag.proposed is None


def item(project: Project, id: str, policy: str = POLICIES[0]) -> ReviewItem:
    """One flag, open or decided, as `queue` would return it.

    Raises NotReady if there is no analysis, and UnknownInstance if the policy has not ranked the instance.
    """
    with store.reading(project.db) as db:
        return ranked_item(db, id, policy)


def ranked_item(db: Database, id: str, policy: str) -> ReviewItem:
    """`item`, in an open database."""
    analysis = analysis_for(db, policy)
    rows = store.scored(db, analysis.id, [id])
    standing = store.policy_values(db, analysis.id, id).get(policy)
    found = [] if standing is None else _items(db, analysis, policy, [Ranked(*standing, row) for row in rows])
    if not found:
        raise UnknownInstance(f"{id!r} is not among the texts that {policy} ranked; choose one from the review queue.")
    return found[0]


def context_of(metadata: Metadata, names: Sequence[str]) -> list[tuple[str, str]]:
    """The name and value of what the project shows under a text; what the text lacks is left out."""
    return [(name, as_text(metadata[name])) for name in names if metadata.get(name) is not None]


def most_incompatible(evidence: Evidence, label: str) -> Influencer | None:
    """The gold text with another label that contradicts the target's `label` most, or None if none does.

    It has the most negative influence between the target and a gold text, in either direction: a gold opposer raises
    the target's loss, and the target raises the loss of a validation text it harms. To first order both are the same
    symmetric quantity (g_aᵀ G⁻¹ g_b / N), so they are comparable. After the counter-examples of CINCER (Teso et al.
    2021). A text with the same label may harm too, if two classes are alike or one text is untypical of its class, but
    it contradicts nothing.
    """
    gold = [i for i in evidence.opposers if i.split is not Split.SILVER]
    against = [i for i in (*gold, *evidence.harmed) if i.influence < 0 and i.label != label]
    return min(against, key=lambda i: (i.influence, i.id), default=None)


def likeliest(row: ScoreRow, retired: Collection[str]) -> tuple[str, float]:
    """(label, probability): the posterior's best, or for gold, which has no posterior, the model's prediction.

    A label that is no longer given is not suggested: the text's own label stands in for it, with the most that is left.
    """
    label, chance = row.predicted, row.probability
    if row.suggested is not None and row.suggested_probability is not None:
        label, chance = row.suggested, row.suggested_probability
    return (row.label, 1 - chance) if label in retired and label != row.label else (label, chance)


def _items(db: Database, analysis: Analysis, policy: str, ranked: Sequence[Ranked]) -> list[ReviewItem]:
    ids = [r.row.instance for r in ranked]
    known = store.find(db, ids)
    evidence = store.evidence_for(db, analysis.id, ids)
    sent = store.sent_labels(db, ids) if policy == SENT else {}
    of = store.ranking_size(db, analysis.id, SENT) if policy == SENT else store.silver_scored(db, analysis.id)
    said, retired = store.silver_labels_of(db, ids), store.project_settings(db).retired
    through = carried(db, analysis)[:1] if analysis.settings.get("scope") == "training" else []
    return [
        replace(
            _item(
                replace(
                    _flag(known[r.row.instance], r, (policy, of), retired),
                    proposed=sent.get(r.row.instance),
                    **_next(db, analysis, r.row, through),
                ),
                evidence.get(r.row.instance),
                analysis.id,
                known[r.row.instance].original_label,
            ),
            harm_known=r.row.suggested is not None and r.row.instance in evidence,
            source=known[r.row.instance].source,
            said=tuple(said.get(r.row.instance, ())),
        )
        for r in ranked
        if r.row.instance in known
    ]


def _next(db: Database, analysis: Analysis, row: ScoreRow, through: Sequence[Carried]) -> dict[str, Any]:
    """What the next fine-tuning should gain from the suggested label, where the analysis says so.

    `through` is how far it carries for the fewest texts, because a card is about one.
    """
    if analysis.settings.get("scope") != "training" or row.relabel_gain is None:
        return {}
    ranked = (row.relabel_gain, 1 + store.larger_gains(db, analysis.id, row.relabel_gain))
    return {"next_gain": ranked, "carries": through[0].carries if through else None}


def _flag(instance: Instance, ranked: Ranked, ranking: tuple[str, int], retired: Collection[str]) -> Flag:
    """`ranking` is the policy and how many it ranks."""
    row, (policy, of) = ranked.row, ranking
    suggested, chance = likeliest(row, retired)
    return Flag(
        id=instance.id,
        text=instance.text,
        pair=instance.pair,
        label=row.label,
        predicted=row.predicted,
        probability=row.probability,
        suggested=suggested,
        suggested_probability=chance,
        policy=policy,
        score=ranked.score,
        rank=ranked.rank,
        of=of,
        metadata=instance.metadata,
        split=instance.split,
    )


def _item(flag: Flag, evidence: Evidence | None, analysis: int, original: str) -> ReviewItem:
    known = evidence or Evidence(flag.id, (), ())
    return ReviewItem(
        flag=flag,
        evidence=known,
        most_incompatible=most_incompatible(known, flag.label),
        analysis_id=analysis,
        original=original,
    )
