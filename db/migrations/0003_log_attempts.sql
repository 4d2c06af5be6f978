ALTER TABLE log_producers RENAME TO old_log_producers;

-- What each log producer has delivered: its last batch, and which of its newest lines became which n.
CREATE TABLE log_producers (
    task_id INTEGER NOT NULL,
    producer TEXT NOT NULL,
    attempt INTEGER NOT NULL, -- of the task; each begins a new numbering
    batch INTEGER NOT NULL,
    lines TEXT NOT NULL DEFAULT '{}', -- JSON object, producer's line number -> n, newest 200
    earlier_batch INTEGER NOT NULL DEFAULT 0, -- the highest numbers of earlier attempts
    earlier_line INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (task_id, producer)
) STRICT, WITHOUT ROWID;
INSERT INTO log_producers (task_id, producer, attempt, batch, lines)
SELECT task_id, producer, coalesce((SELECT attempt FROM tasks WHERE id = task_id), 1), batch, lines
FROM old_log_producers;
DROP TABLE old_log_producers;
