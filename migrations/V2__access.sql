-- Login sessions; the key itself is never stored.
CREATE TABLE token (
    key_hash    TEXT PRIMARY KEY,
    account_id  INTEGER NOT NULL,
    created     INTEGER NOT NULL,
    expires     INTEGER NOT NULL,
    data        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX token_account ON token (account_id);
CREATE INDEX token_expires ON token (expires);

-- Every change, login and refused call.
CREATE TABLE audit (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    created          INTEGER NOT NULL,
    account_id       INTEGER,
    authenticated_as INTEGER,
    event            TEXT    NOT NULL,
    resource_type    TEXT,
    resource_id      INTEGER,
    data             TEXT    NOT NULL
) STRICT;

CREATE INDEX audit_created ON audit (created);
CREATE INDEX audit_account ON audit (account_id, id);
CREATE INDEX audit_event ON audit (event, id);
