-- Each entry of the audit log carries a hash of itself and of the entry before it. Entries from before this
-- migration have none; the chain begins after them.
ALTER TABLE audit ADD COLUMN hash TEXT;

-- Where the chain begins: the newest entry that is not in it any more, and its hash.
CREATE TABLE audit_start (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    id   INTEGER NOT NULL,
    hash TEXT    NOT NULL
) STRICT;

INSERT INTO audit_start (one, id, hash)
VALUES (1, (SELECT COALESCE(MAX(id), 0) FROM audit),
        '0000000000000000000000000000000000000000000000000000000000000000');
