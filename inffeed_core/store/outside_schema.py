"""The tables behind the web API and the webhooks.

Triggers fill the outbox, so whatever writes a decision, a version or the end of a job announces it in the same
transaction: an event is there exactly if what it tells of is. Without a webhook they write nothing.
"""

OUTSIDE = """
CREATE TABLE api_key (
    n INTEGER PRIMARY KEY,
    person TEXT NOT NULL,
    hash TEXT NOT NULL UNIQUE,
    created TEXT NOT NULL,
    revoked TEXT
);

CREATE UNIQUE INDEX api_key_person ON api_key (person) WHERE revoked IS NULL;

CREATE TABLE api_request (
    token TEXT PRIMARY KEY,
    hash TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE webhook (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL UNIQUE,
    secret TEXT NOT NULL,
    on_decision INTEGER NOT NULL,
    on_version INTEGER NOT NULL,
    on_job INTEGER NOT NULL,
    private INTEGER NOT NULL,
    created TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    wait_until TEXT NOT NULL DEFAULT '',
    problem TEXT NOT NULL DEFAULT ''
);

CREATE TABLE delivery (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL REFERENCES webhook (n) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    about TEXT NOT NULL,
    created TEXT NOT NULL,
    due TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    delivered TEXT,
    given_up INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX delivery_due ON delivery (webhook, due) WHERE delivered IS NULL AND NOT given_up;

CREATE INDEX delivery_delivered ON delivery (delivered) WHERE delivered IS NOT NULL;

CREATE TRIGGER webhook_decision AFTER INSERT ON decision BEGIN
    INSERT INTO delivery (webhook, kind, about, created, due)
    SELECT n, 'decision', NEW.token, {now}, {now} FROM webhook WHERE on_decision;
END;

CREATE TRIGGER webhook_version AFTER INSERT ON version BEGIN
    INSERT INTO delivery (webhook, kind, about, created, due)
    SELECT n, 'version', NEW.id, {now}, {now} FROM webhook WHERE on_version;
END;

CREATE TRIGGER webhook_job AFTER UPDATE OF state ON job
    WHEN NEW.state IN ('done', 'failed', 'cancelled') AND OLD.state IN ('queued', 'running') BEGIN
    INSERT INTO delivery (webhook, kind, about, created, due)
    SELECT n, 'job', NEW.id, {now}, {now} FROM webhook WHERE on_job;
END
""".replace("{now}", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')")
