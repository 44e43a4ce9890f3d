-- Every resource of every type; what the columns do not hold is JSON in `data`.
CREATE TABLE resource (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    type       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    account_id INTEGER,
    name       TEXT,
    uuid       TEXT    NOT NULL UNIQUE,
    state      TEXT    NOT NULL,
    created    INTEGER NOT NULL,
    removed    INTEGER,
    revision   INTEGER NOT NULL DEFAULT 1,
    data       TEXT    NOT NULL
) STRICT;

CREATE INDEX resource_live ON resource (type, account_id, id) WHERE removed IS NULL;
CREATE INDEX resource_name ON resource (type, name COLLATE NOCASE) WHERE removed IS NULL;
CREATE INDEX resource_removed ON resource (removed) WHERE removed IS NOT NULL;

-- Where an indexed field of a resource points: ids of other resources, or text that rows are found by.
CREATE TABLE reference (
    field  TEXT    NOT NULL,
    target ANY     NOT NULL,
    id     INTEGER NOT NULL,
    PRIMARY KEY (field, target, id)
) STRICT, WITHOUT ROWID;

-- Durable transitions, finished ones included until they are purged.
CREATE TABLE process (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    resource_id INTEGER NOT NULL,
    account_id  INTEGER,
    data        TEXT    NOT NULL,
    step        INTEGER NOT NULL DEFAULT 0,
    tries       INTEGER NOT NULL DEFAULT 0,
    run_after   INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    started     INTEGER,
    ended       INTEGER,
    exit_reason TEXT,
    message     TEXT,
    log         TEXT    NOT NULL DEFAULT '[]'
) STRICT;

CREATE INDEX process_open ON process (resource_id) WHERE ended IS NULL;
CREATE INDEX process_ready ON process (run_after, id) WHERE ended IS NULL;
CREATE INDEX process_ended ON process (ended) WHERE ended IS NOT NULL;

-- Small facts about the installation itself.
CREATE TABLE fact (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
