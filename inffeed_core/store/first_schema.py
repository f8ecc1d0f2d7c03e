"""The tables of the first release, which `migrations` grows from; never edited."""

FIRST = """
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
