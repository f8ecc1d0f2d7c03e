"""The tables of feedback, as migration 6 made them."""

FEEDBACK = """
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
