-- Answers to creates that came with an Idempotency-Key: the same request again gets the same answer.
-- `answer` is sealed with the key itself, which is not stored: it can hold a secret that is shown once.
CREATE TABLE kept_answer (
    account_id INTEGER NOT NULL,
    user_id    INTEGER NOT NULL,
    key_hash   TEXT    NOT NULL,
    request    TEXT    NOT NULL,
    expires    INTEGER NOT NULL,
    answer     BLOB    NOT NULL,
    PRIMARY KEY (account_id, user_id, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX kept_answer_expires ON kept_answer (expires);
