-- Entries of the audit log that a change has brought along and that wait for the answer to be known. What is
-- left here when the server starts belongs to requests that never got one.
CREATE TABLE audit_pending (
    id      TEXT    NOT NULL PRIMARY KEY,
    created INTEGER NOT NULL,
    entry   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
