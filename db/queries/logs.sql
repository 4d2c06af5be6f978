-- name: get_producer
SELECT batch, lines FROM log_producers WHERE task_id = ? AND producer = ?;

-- name: put_producer
INSERT INTO log_producers (task_id, producer, batch, lines) VALUES (?, ?, ?, ?)
ON CONFLICT (task_id, producer) DO UPDATE SET batch = excluded.batch, lines = excluded.lines;

-- name: delete_producer
DELETE FROM log_producers WHERE task_id = ? AND producer = ?;

-- name: put_line
-- A line whose number is known was rewritten by its producer, as progress bars do.
INSERT INTO log_lines (task_id, n, attempt, time, sent_at, level, stream, text)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (task_id, n) DO UPDATE SET
    time = excluded.time, sent_at = excluded.sent_at, level = excluded.level,
    stream = excluded.stream, text = excluded.text;

-- name: lines_from
SELECT n, time, level, stream, text FROM log_lines
WHERE task_id = ? AND n >= ? /* conditions */ ORDER BY n LIMIT ?;

-- name: lines_tail
SELECT n, time, level, stream, text FROM (
    SELECT n, time, level, stream, text FROM log_lines
    WHERE task_id = ? /* conditions */ ORDER BY n DESC LIMIT ?
) ORDER BY n;
