"""The schema, grown by appending one numbered function; never edit one that has been released.

Instances are written once. Everything that happens to them later is a separate row
(`decision`, `exclusion`), so the label state at any moment can be derived: see `decisions.py`.
"""

from sqlite_utils import Database, Migrations

migrations = Migrations("inffeed")


@migrations()
def m001_project(db: Database) -> None:
    """Instances, decisions, versions, analyses and jobs."""
    for statement in _M001.split(";\n"):
        db.conn.execute(statement)
    # `add_examples` fills the index: a trigger for every row made an import of 100,000 rows three times slower.
    db.table("instance").enable_fts(["text"], tokenize="unicode61 remove_diacritics 2")


_M001 = """
CREATE TABLE setting (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
CREATE TABLE instance (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    text TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    label TEXT NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'validation', 'test', 'silver')),
    source TEXT NOT NULL DEFAULT '',
    metadata TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX instance_split ON instance (split);
CREATE INDEX instance_text_hash ON instance (text_hash);
CREATE TABLE exclusion (
    instance TEXT PRIMARY KEY REFERENCES instance (id),
    reason TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE version (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    parent TEXT REFERENCES version (id),
    created TEXT NOT NULL,
    encoder TEXT NOT NULL,
    weights_hash TEXT NOT NULL,
    data_hash TEXT NOT NULL,
    as_of_decision INTEGER NOT NULL,
    settings TEXT NOT NULL,
    seed INTEGER NOT NULL,
    train_counts TEXT NOT NULL,
    validation TEXT,
    test TEXT,
    report TEXT NOT NULL
);
CREATE TABLE promotion (
    n INTEGER PRIMARY KEY,
    version TEXT NOT NULL REFERENCES version (id),
    at TEXT NOT NULL,
    by TEXT NOT NULL
);
CREATE TABLE analysis (
    id INTEGER PRIMARY KEY,
    version TEXT NOT NULL REFERENCES version (id),
    created TEXT NOT NULL,
    as_of_decision INTEGER NOT NULL,
    settings TEXT NOT NULL
);
CREATE TABLE decision (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL UNIQUE,
    instance TEXT NOT NULL REFERENCES instance (id),
    annotator TEXT NOT NULL,
    act TEXT NOT NULL CHECK (act IN ('relabel', 'keep', 'unsure', 'skip', 'flag', 'undo')),
    label TEXT,
    note TEXT NOT NULL DEFAULT '',
    undoes TEXT UNIQUE REFERENCES decision (token),
    analysis INTEGER REFERENCES analysis (id),
    at TEXT NOT NULL,
    CHECK ((act IN ('relabel', 'keep')) = (label IS NOT NULL)),
    CHECK ((act = 'undo') = (undoes IS NOT NULL))
);
CREATE INDEX decision_instance ON decision (instance);
CREATE INDEX decision_annotator ON decision (annotator);
CREATE TRIGGER decision_is_append_only BEFORE UPDATE ON decision
    BEGIN SELECT raise(ABORT, 'decisions are append-only'); END;
CREATE TRIGGER decision_is_never_deleted BEFORE DELETE ON decision
    BEGIN SELECT raise(ABORT, 'decisions are append-only'); END;
CREATE TABLE score (
    analysis INTEGER NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    instance TEXT NOT NULL REFERENCES instance (id),
    label TEXT NOT NULL,
    predicted TEXT NOT NULL,
    probability REAL NOT NULL,
    loss REAL NOT NULL,
    x REAL NOT NULL,
    y REAL NOT NULL,
    suggested TEXT,
    suggested_probability REAL,
    relabel_gain REAL,
    PRIMARY KEY (analysis, instance)
) WITHOUT ROWID;
CREATE TABLE ranking (
    analysis INTEGER NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    policy TEXT NOT NULL,
    rank INTEGER NOT NULL,
    instance TEXT NOT NULL REFERENCES instance (id),
    score REAL NOT NULL,
    PRIMARY KEY (analysis, policy, rank)
) WITHOUT ROWID;
CREATE INDEX ranking_instance ON ranking (analysis, instance);
CREATE TABLE influencer (
    analysis INTEGER NOT NULL REFERENCES analysis (id) ON DELETE CASCADE,
    target TEXT NOT NULL REFERENCES instance (id),
    side TEXT NOT NULL CHECK (side IN ('supporter', 'opposer', 'harmed')),
    rank INTEGER NOT NULL,
    instance TEXT NOT NULL REFERENCES instance (id),
    influence REAL NOT NULL,
    PRIMARY KEY (analysis, target, side, rank)
) WITHOUT ROWID;
CREATE TABLE job (
    n INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    settings TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT '',
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    stage_started TEXT,
    created TEXT NOT NULL,
    started TEXT,
    ended TEXT,
    heartbeat TEXT,
    pid INTEGER,
    pid_started REAL,
    cancel_asked INTEGER NOT NULL DEFAULT 0,
    error TEXT NOT NULL DEFAULT '',
    result TEXT NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX job_one_of_a_kind ON job (kind) WHERE state IN ('queued', 'running')
"""


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
    for statement in _M006.split(";\n"):
        db.conn.execute(statement)


_M006 = """
CREATE TABLE proposal_set (
    id INTEGER PRIMARY KEY,
    version TEXT NOT NULL REFERENCES version (id),
    as_of_decision INTEGER NOT NULL,
    settings TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE TABLE proposal (
    proposal_set INTEGER NOT NULL REFERENCES proposal_set (id),
    rank INTEGER NOT NULL,
    instance TEXT NOT NULL REFERENCES instance (id),
    label TEXT NOT NULL,
    proposed TEXT,
    lead REAL NOT NULL,
    PRIMARY KEY (proposal_set, rank),
    UNIQUE (proposal_set, instance)
) WITHOUT ROWID;
CREATE TRIGGER proposal_is_about_training BEFORE INSERT ON proposal
    WHEN (SELECT split FROM instance WHERE id = NEW.instance) IN ('validation', 'test')
    BEGIN SELECT raise(ABORT, 'feedback never touches validation and test'); END;
CREATE TABLE voter (
    proposal_set INTEGER NOT NULL,
    target TEXT NOT NULL,
    rank INTEGER NOT NULL,
    instance TEXT NOT NULL REFERENCES instance (id),
    label TEXT NOT NULL,
    influence REAL NOT NULL,
    vote TEXT,
    weight REAL NOT NULL,
    PRIMARY KEY (proposal_set, target, rank),
    FOREIGN KEY (proposal_set, target) REFERENCES proposal (proposal_set, instance)
) WITHOUT ROWID;
CREATE TABLE feedback (
    token TEXT PRIMARY KEY,
    proposal_set INTEGER NOT NULL REFERENCES proposal_set (id),
    annotator TEXT NOT NULL,
    left_out TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE feedback_undo (
    feedback TEXT PRIMARY KEY REFERENCES feedback (token),
    at TEXT NOT NULL
);
CREATE TABLE trial (
    n INTEGER PRIMARY KEY,
    proposal_set INTEGER NOT NULL REFERENCES proposal_set (id),
    count INTEGER NOT NULL,
    value REAL NOT NULL,
    low REAL NOT NULL,
    high REAL NOT NULL,
    examples INTEGER NOT NULL,
    at TEXT NOT NULL,
    feedback TEXT REFERENCES feedback (token)
);
CREATE TABLE sent (
    instance TEXT PRIMARY KEY REFERENCES instance (id),
    proposal_set INTEGER NOT NULL REFERENCES proposal_set (id),
    annotator TEXT NOT NULL,
    at TEXT NOT NULL
);
ALTER TABLE decision ADD COLUMN feedback TEXT REFERENCES feedback (token);
CREATE INDEX decision_feedback ON decision (feedback) WHERE feedback IS NOT NULL;
ALTER TABLE exclusion ADD COLUMN feedback TEXT REFERENCES feedback (token);
CREATE VIEW answer AS SELECT * FROM standing WHERE feedback IS NULL
"""


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

    What an earlier release imported, one label a text, is what its source says, or that of `sources.UNNAMED`.
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
