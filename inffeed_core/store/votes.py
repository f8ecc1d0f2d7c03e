"""Which decisions count: one rule, as SQL conditions that every query about labels shares.

Each annotator's last act about a text that has not been undone counts, whatever it is. Relabel and keep are
votes. The others carry no label and withdraw the vote before:

- *unsure*: the annotator cannot tell, or can no longer tell;
- *skip*: they leave the text to others, or to later;
- *flag*: they want it discussed before any label is accepted; it is under discussion until it is settled;
- *leave out*: no model should learn from the text; it is excluded until that is undone.

An undo restores what stood before. A settlement, the vote that ends a discussion, overrides every earlier vote until
it is itself withdrawn or undone. A relabel by feedback is nobody's answer: any label that somebody gives later replaces
it. If several labels share the most votes, they tie, and the text is *disputed*.
"""


def undone(decision: str) -> str:
    """Condition: the decision under this alias has been undone by row `:as_of`."""
    return f"EXISTS (SELECT 1 FROM decision u WHERE u.undoes = {decision}.token AND u.n <= :as_of)"


def withdrawn(table: str, vote: str) -> str:
    """Condition: its annotator has withdrawn this vote by a later act without a label."""
    return f"""EXISTS (
        SELECT 1 FROM {table} x WHERE x.instance = {vote}.instance AND x.annotator = {vote}.annotator
        AND x.n > {vote}.n AND x.n <= :as_of AND x.label IS NULL AND x.act != 'undo' AND NOT {undone("x")})"""


def counts(table: str, vote: str) -> str:
    """Condition: this decision is a vote that counts at row `:as_of`, among the decisions of this table or view."""
    return f"""{vote}.label IS NOT NULL AND {vote}.n <= :as_of AND NOT {undone(vote)} AND NOT EXISTS (
        SELECT 1 FROM {table} w WHERE w.instance = {vote}.instance AND w.n > {vote}.n AND w.n <= :as_of
        AND w.act != 'undo' AND (w.annotator = {vote}.annotator OR (
            (w.settles OR ({vote}.feedback IS NOT NULL AND w.label IS NOT NULL)) AND NOT {withdrawn(table, "w")}))
        AND NOT {undone("w")})"""


def votes_about(table: str, instance: str) -> str:
    """The query for labels with their number of votes (`votes`) and the row of the last (`n`), for this instance."""
    return f"""
        SELECT v.label, count(*) AS votes, max(v.n) AS n FROM {table} v
        WHERE v.instance = {instance} AND {counts(table, "v")} GROUP BY v.label"""
