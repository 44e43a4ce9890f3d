-- Runs of periodic jobs that did something, failed, or were asked for. A run that somebody asked for is
-- here from then on; it has not begun while `started` is null.
CREATE TABLE task_run (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id   INTEGER NOT NULL,
    asked     INTEGER,
    started   INTEGER,
    ended     INTEGER,
    exception TEXT
) STRICT;

CREATE INDEX task_run_task ON task_run (task_id, id);
CREATE INDEX task_run_open ON task_run (id) WHERE ended IS NULL;
