"""The tables of a team: who has which role, and who is to review what."""

TEAM = """
CREATE TABLE role_change (
    n INTEGER PRIMARY KEY,
    person TEXT NOT NULL CHECK (person != ''),
    role TEXT CHECK (role IN ('lead', 'annotator')),
    by TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE INDEX role_change_person ON role_change (person);
CREATE VIEW role_now AS SELECT person, role FROM role_change c
    WHERE role IS NOT NULL AND n = (SELECT max(n) FROM role_change WHERE person = c.person);
CREATE TABLE assignment (
    n INTEGER PRIMARY KEY,
    policy TEXT NOT NULL,
    "only" TEXT NOT NULL,
    shares TEXT NOT NULL,
    goal INTEGER CHECK (goal > 0),
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    undone_by TEXT,
    undone_at TEXT
);
CREATE TABLE assigned (
    annotator TEXT NOT NULL,
    instance TEXT NOT NULL REFERENCES instance (id),
    assignment INTEGER NOT NULL REFERENCES assignment (n),
    PRIMARY KEY (annotator, instance)
) WITHOUT ROWID;
CREATE INDEX assigned_instance ON assigned (instance);
CREATE INDEX assigned_assignment ON assigned (assignment)
"""
"""`role_change` and `assignment` keep every act; `assigned` holds what stands. A role of NULL is one taken away."""
