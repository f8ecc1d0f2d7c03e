"""The schema, grown by appending one numbered function; never edit one that has been released.

Instances are written once. Everything that happens to them later is a separate row
(`decision`, `exclusion`), so the label state at any moment can be derived: see `decisions.py`.
"""

from sqlite_utils import Database, Migrations

from inffeed_core.store.feedback_schema import FEEDBACK
from inffeed_core.store.first_schema import FIRST
from inffeed_core.store.outside_schema import OUTSIDE
from inffeed_core.store.team_schema import TEAM

migrations = Migrations("inffeed")


@migrations()
def m001_project(db: Database) -> None:
    """Instances, decisions, versions, analyses and jobs."""
    for statement in FIRST.split(";\n"):
        db.conn.execute(statement)
    # `add_examples` fills the index: a trigger for every row made an import of 100,000 rows three times slower.
    db.table("instance").enable_fts(["text"], tokenize="unicode61 remove_diacritics 2")


@migrations()
def m002_several_annotators(db: Database) -> None:
    """Leases keep a flag with one annotator; a settling decision ends a discussion."""
    for statement in _M002.split(";\n"):
        db.conn.execute(statement)


_M002 = """
CREATE TABLE lease (
    instance TEXT NOT NULL REFERENCES instance (id),
    annotator TEXT NOT NULL,
    until TEXT NOT NULL,
    PRIMARY KEY (instance, annotator)
) WITHOUT ROWID;
CREATE INDEX lease_annotator ON lease (annotator);
ALTER TABLE decision ADD COLUMN settles INTEGER NOT NULL DEFAULT 0;
CREATE VIEW standing AS SELECT d.* FROM decision d
    WHERE d.act != 'undo' AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.token)
"""


@migrations()
def m003_lots(db: Database) -> None:
    """Every instance gets a lot, which orders random audits: see `auditing`."""
    from inffeed_core.store.instances import lot  # which imports nothing of this module

    db.conn.execute("ALTER TABLE instance ADD COLUMN lot TEXT NOT NULL DEFAULT ''")
    db.conn.create_function("draw_lot", 2, lot, deterministic=True)
    db.conn.execute("UPDATE instance SET lot = draw_lot(id, text_hash)")
    db.conn.execute("CREATE INDEX instance_lot ON instance (split, lot)")


@migrations()
def m004_twins(db: Database) -> None:
    """A decision may be part of another, about a text with the same words."""
    db.conn.execute("ALTER TABLE decision ADD COLUMN part_of TEXT REFERENCES decision (token)")
    db.conn.execute("CREATE INDEX decision_part_of ON decision (part_of) WHERE part_of IS NOT NULL")


@migrations()
def m005_answers_of_one(db: Database) -> None:
    """Index one annotator's answers about one instance: by name alone there are thousands of them."""
    db.conn.execute("CREATE INDEX decision_instance_annotator ON decision (instance, annotator)")
    db.conn.execute("DROP INDEX decision_instance")


@migrations()
def m006_feedback(db: Database) -> None:
    """Proposals to change training labels, the acts that applied them, and what was sent to review."""
    for statement in FEEDBACK.split(";\n"):
        db.conn.execute(statement)


@migrations()
def m007_version_of_feedback(db: Database) -> None:
    """An act of feedback records the version that was trained on it, so that its undo can restore the one before."""
    db.conn.execute("ALTER TABLE feedback ADD COLUMN version TEXT REFERENCES version (id)")


@migrations()
def m008_leave_out(db: Database) -> None:
    """An annotator may leave a text out: an act like any other, whose exclusion refers to the decision behind it.

    SQLite cannot change a CHECK in place, so the table is rebuilt; its rows keep their numbers.
    """
    for statement in _M008.split(";\n\n"):
        db.conn.execute(statement)


_M008 = """
DROP VIEW answer;

DROP VIEW standing;

CREATE TABLE decision_new (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    instance TEXT NOT NULL REFERENCES instance (id),
    annotator TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('relabel', 'keep', 'unsure', 'skip', 'flag', 'leave-out', 'undo')),
    label TEXT,
    note TEXT NOT NULL DEFAULT '',
    undoes TEXT UNIQUE REFERENCES decision_new (token),
    analysis INTEGER REFERENCES analysis (id),
    at TEXT NOT NULL,
    settles INTEGER NOT NULL DEFAULT 0,
    part_of TEXT REFERENCES decision_new (token),
    feedback TEXT REFERENCES feedback (token),
    CHECK ((act IN ('relabel', 'keep')) = (label IS NOT NULL)),
    CHECK ((act = 'undo') = (undoes IS NOT NULL))
);

INSERT INTO decision_new SELECT n, token, instance, annotator, act, label, note, undoes, analysis, at, settles, part_of,
    feedback FROM decision ORDER BY n;

DROP TABLE decision;

ALTER TABLE decision_new RENAME TO decision;

CREATE INDEX decision_annotator ON decision (annotator);

CREATE INDEX decision_instance_annotator ON decision (instance, annotator);

CREATE INDEX decision_part_of ON decision (part_of) WHERE part_of IS NOT NULL;

CREATE INDEX decision_feedback ON decision (feedback) WHERE feedback IS NOT NULL;

CREATE TRIGGER decision_is_append_only BEFORE UPDATE ON decision
    BEGIN SELECT raise(ABORT, 'decisions are append-only'); END;

CREATE TRIGGER decision_is_never_deleted BEFORE DELETE ON decision
    BEGIN SELECT raise(ABORT, 'decisions are append-only'); END;

CREATE VIEW standing AS SELECT d.* FROM decision d
    WHERE d.act != 'undo' AND NOT EXISTS (SELECT 1 FROM decision u WHERE u.undoes = d.token);

CREATE VIEW answer AS SELECT * FROM standing WHERE feedback IS NULL;

ALTER TABLE exclusion ADD COLUMN decision TEXT REFERENCES decision (token)
"""


@migrations()
def m009_place_of_jobs(db: Database) -> None:
    """A job records the database that it was started in: in a copy of the folder nobody is working on it."""
    db.conn.execute("ALTER TABLE job ADD COLUMN place TEXT")


@migrations()
def m010_pairs(db: Database) -> None:
    """A text may have a second text: the target of a stance, a hypothesis, an answer."""
    db.conn.execute("ALTER TABLE instance ADD COLUMN pair TEXT")
    db.conn.execute("CREATE INDEX instance_with_pair ON instance (split) WHERE pair IS NOT NULL")


@migrations()
def m011_sources(db: Database) -> None:
    """Any number of sources label a text; which of them gives the silver label that is read is chosen.

    What an earlier release imported, one label a text, is what its source says, or that of `records.UNNAMED`.
    """
    for statement in _M011.split(";\n"):
        db.conn.execute(statement)


_M011 = """
CREATE TABLE source (
    n INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    details TEXT NOT NULL DEFAULT '{}',
    created TEXT NOT NULL
);
CREATE TABLE silver_label (
    instance INTEGER NOT NULL REFERENCES instance (n),
    source INTEGER NOT NULL REFERENCES source (n),
    label TEXT,
    confidence REAL CHECK (confidence BETWEEN 0 AND 1),
    answer TEXT NOT NULL DEFAULT '',
    at TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (instance, source)
) WITHOUT ROWID;
CREATE TABLE silver_choice (
    n INTEGER PRIMARY KEY,
    source INTEGER REFERENCES source (n),
    by TEXT NOT NULL,
    at TEXT NOT NULL
);
INSERT INTO source (name, kind, created)
    SELECT name, 'imported', strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM (
        SELECT coalesce(nullif(source, ''), 'imported') AS name, min(n) AS first FROM instance
        WHERE split = 'silver' GROUP BY name ORDER BY first);
INSERT INTO silver_label (instance, source, label)
    SELECT i.n, s.n, i.label FROM instance i JOIN source s ON s.name = coalesce(nullif(i.source, ''), 'imported')
    WHERE i.split = 'silver' ORDER BY i.n
"""


@migrations()
def m012_every_script(db: Database) -> None:
    """An index of words for scripts without spaces too, and no duplicate hidden by what cannot be seen.

    Takes about a second for 100,000 texts.
    """
    from inffeed_core.store.instances import text_hash
    from inffeed_core.store.searching import TABLE, TERMS, index

    db.conn.create_function("text_hash_now", 2, text_hash, deterministic=True)
    db.conn.execute(
        "UPDATE instance SET text_hash = text_hash_now(text, pair) WHERE text_hash != text_hash_now(text, pair)"
    )
    db.conn.execute("DROP TABLE instance_fts")
    db.conn.execute(TABLE)
    db.conn.execute(TERMS)
    index(db)


@migrations()
def m013_kept_answers(db: Database) -> None:
    """What a language model answered is kept by what it was asked: see `kept_answers`."""
    db.conn.execute(
        "CREATE TABLE kept_answer (key TEXT PRIMARY KEY, answer TEXT NOT NULL, at TEXT NOT NULL) WITHOUT ROWID"
    )


@migrations()
def m014_reviewers(db: Database) -> None:
    """Who reviews now is told by a row of their own: whoever waits for a flag holds none. See `leases`."""
    db.conn.execute(
        "CREATE TABLE reviewer (annotator TEXT PRIMARY KEY, heard TEXT NOT NULL, waits INTEGER NOT NULL) WITHOUT ROWID"
    )


@migrations()
def m015_decision_rules(db: Database) -> None:
    """Which decision rule a version uses is chosen, and what is shown of an analysis follows: see `rules`."""
    for statement in _M015.split(";\n"):
        db.conn.execute(statement)


_M015 = """
CREATE TABLE rule_choice (
    n INTEGER PRIMARY KEY,
    version TEXT NOT NULL REFERENCES version (id),
    rule TEXT NOT NULL CHECK (rule IN ('argmax', 'calibrated', 'macro-f1')),
    by TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX rule_choice_version ON rule_choice (version);
CREATE VIEW rule_in_use AS SELECT version, rule FROM rule_choice c
    WHERE n = (SELECT max(n) FROM rule_choice WHERE version = c.version);
ALTER TABLE score ADD COLUMN calibrated REAL;
ALTER TABLE score ADD COLUMN decided TEXT;
ALTER TABLE score ADD COLUMN decided_probability REAL;
CREATE VIEW shown_score AS SELECT s.analysis, s.instance, s.label,
    CASE r.rule WHEN 'macro-f1' THEN coalesce(s.decided, s.predicted) ELSE s.predicted END AS predicted,
    coalesce(CASE r.rule WHEN 'macro-f1' THEN s.decided_probability WHEN 'calibrated' THEN s.calibrated END,
        s.probability) AS probability,
    s.loss, s.x, s.y, s.suggested, s.suggested_probability, s.relabel_gain,
    s.calibrated, s.decided, s.decided_probability
    FROM score s JOIN analysis a ON a.id = s.analysis LEFT JOIN rule_in_use r ON r.version = a.version
"""


@migrations()
def m016_how_it_was_asked(db: Database) -> None:
    """A decision records how its text was handed out: by which order, and with which suggestion."""
    db.conn.execute("ALTER TABLE decision ADD COLUMN policy TEXT")
    db.conn.execute("ALTER TABLE decision ADD COLUMN suggested TEXT")
    db.conn.execute("CREATE INDEX decision_policy ON decision (policy) WHERE policy IS NOT NULL")


@migrations()
def m017_label_changes(db: Database) -> None:
    """Labels are added, renamed, merged and retired by acts that can be undone: see `labels`."""
    for statement in _M017.split(";\n"):
        db.conn.execute(statement)


_M017 = """
CREATE TABLE label_change (
    n INTEGER PRIMARY KEY,
    act TEXT NOT NULL,
    label TEXT NOT NULL,
    "into" TEXT NOT NULL,
    texts INTEGER NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    version INTEGER NOT NULL,
    undoes INTEGER UNIQUE REFERENCES label_change (n),
    by TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE relabelled (
    change INTEGER NOT NULL REFERENCES label_change (n),
    place TEXT NOT NULL,
    key TEXT NOT NULL,
    label TEXT NOT NULL,
    PRIMARY KEY (change, place, key)
) WITHOUT ROWID
"""


@migrations()
def m018_retrained_groups(db: Database) -> None:
    """Beside an analysis through the training: groups of texts with other labels, and what training on them gained."""
    db.conn.execute(
        "CREATE TABLE retrained_group (analysis INTEGER NOT NULL REFERENCES analysis (id), name TEXT NOT NULL,"
        " predicted REAL NOT NULL, actual REAL NOT NULL, PRIMARY KEY (analysis, name)) WITHOUT ROWID"
    )


@migrations()
def m019_solved_targets(db: Database) -> None:
    """Targets whose influencers were solved for exactly, or through the training, on somebody's request."""
    db.conn.execute(
        "CREATE TABLE solved_target (analysis INTEGER NOT NULL REFERENCES analysis (id), target TEXT NOT NULL,"
        " PRIMARY KEY (analysis, target)) WITHOUT ROWID"
    )


@migrations()
def m020_team(db: Database) -> None:
    """People have roles, and flags are assigned to them: see `roles` and `assigning`."""
    for statement in TEAM.split(";\n"):
        db.conn.execute(statement)


@migrations()
def m021_from_outside(db: Database) -> None:
    """Keys of the web API, and webhooks with the outbox that triggers fill: see `outside_schema`."""
    for statement in OUTSIDE.split(";\n\n"):
        db.conn.execute(statement)


@migrations()
def m022_selections(db: Database) -> None:
    """Texts that somebody chose by hand, under a token that links hold."""
    db.conn.execute(
        "CREATE TABLE selection (token TEXT PRIMARY KEY, ids TEXT NOT NULL, since INTEGER NOT NULL, at TEXT NOT NULL)"
    )


@migrations()
def m023_sizes_of_retrained_groups(db: Database) -> None:
    """How many texts each group had that a training was repeated with; unknown for those of before."""
    db.conn.execute("ALTER TABLE retrained_group ADD COLUMN texts INTEGER")
