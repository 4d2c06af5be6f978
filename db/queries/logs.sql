-- name: get_producer
SELECT attempt, batch, lines, earlier_batch, earlier_line FROM log_producers
WHERE task_id = ? AND producer = ?;

-- name: put_producer
INSERT OR REPLACE INTO log_producers
    (task_id, producer, attempt, batch, lines, earlier_batch, earlier_line)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: delete_producer
DELETE FROM log_producers WHERE task_id = ? AND producer = ?;

-- name: insert_row
INSERT INTO log_lines (task_id, n, attempt, time, sent_at, level, stream, text, fields)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: rewrite_row
-- A line whose number is known was rewritten by its producer, as progress bars do; it keeps the
-- time at which it first came, as that is its place among all logs.
UPDATE log_lines SET sent_at = ?, level = ?, stream = ?, text = ?, fields = ?
WHERE task_id = ? AND n = ? RETURNING time, attempt;

-- name: rows
SELECT n, attempt, time, sent_at, level, stream, text, fields FROM log_lines
WHERE task_id = ? AND n BETWEEN ? AND ? ORDER BY n;

-- name: rows_text
-- Some consecutive rows as one text, and their numbers and times.
SELECT min(n), max(n), min(time), max(time), CAST(group_concat(text, char(10)) AS BLOB) FROM (
    SELECT n, time, text FROM log_lines WHERE task_id = ? AND n BETWEEN ? AND ? ORDER BY n
);

-- name: oldest_rows
SELECT n, attempt, time, sent_at, level, stream, text, fields FROM log_lines
WHERE task_id = ? AND n > ? AND n <= ? ORDER BY n LIMIT ?;

-- name: rewritten
SELECT n, attempt, time, sent_at, level, stream, text, fields FROM log_lines
WHERE task_id = ? AND n <= ? ORDER BY n;

-- name: coloured_rows
SELECT attempt, stream, text FROM log_lines
WHERE task_id = ? AND n >= ? AND n < ? AND instr(text, char(27)) ORDER BY n;

-- name: last_row
SELECT max(n) FROM log_lines WHERE task_id = ?;

-- name: delete_rows
DELETE FROM log_lines WHERE task_id = ? AND n BETWEEN ? AND ?;

-- name: delete_row
DELETE FROM log_lines WHERE task_id = ? AND n = ?;

-- name: last_old_row
SELECT max(n) FROM (SELECT n FROM log_lines WHERE task_id = ? ORDER BY n LIMIT ?);

-- name: get_place
SELECT first, sealed, open_bytes FROM logs WHERE task_id = ?;

-- name: grow
INSERT INTO logs (task_id, open_bytes, newest) VALUES (?, ?, ?)
ON CONFLICT (task_id) DO UPDATE SET
    open_bytes = open_bytes + excluded.open_bytes, newest = max(newest, excluded.newest)
RETURNING first, sealed, open_bytes;

-- name: put_sealed
UPDATE logs SET sealed = ? WHERE task_id = ?;

-- name: put_first
UPDATE logs SET first = ?1, sealed = max(sealed, ?1 - 1) WHERE task_id = ?2;

-- name: weigh_rows
-- Of a log that an older version left as rows, the first 10,000 will do.
UPDATE logs SET open_bytes = (
    SELECT coalesce(sum(length(text) + coalesce(length(fields), 0) + 100), 0) FROM (
        SELECT text, fields FROM log_lines WHERE task_id = logs.task_id LIMIT 10000
    )
) WHERE task_id = ?;

-- name: insert_chunk
INSERT INTO log_chunks
    (task_id, first, last, min_time, max_time, levels, text_bytes, stored_bytes, colours, text, rest)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: chunk_facts
SELECT id, first, last, min_time, max_time, levels, text_bytes FROM log_chunks
WHERE task_id = ? AND first >= coalesce(
    (SELECT max(first) FROM log_chunks WHERE task_id = ? AND first <= ?), 0
) AND first <= ? ORDER BY first;

-- name: get_chunk
SELECT text, rest FROM log_chunks WHERE id = ?;

-- name: facts_of_chunk
SELECT task_id, first, last, min_time, max_time, levels, text_bytes FROM log_chunks WHERE id = ?;

-- name: chunk_of_line
SELECT id, first, last, min_time, max_time, levels, text_bytes FROM log_chunks
WHERE task_id = ? AND first <= ? ORDER BY first DESC LIMIT 1;

-- name: chunk_colours
SELECT colours FROM log_chunks WHERE id = ?;

-- name: colours_before
SELECT last, colours FROM log_chunks WHERE task_id = ? AND first < ? ORDER BY first DESC LIMIT 1;

-- name: delete_chunk
DELETE FROM log_chunks WHERE id = ?;

-- name: oldest_chunk
SELECT id, last FROM log_chunks WHERE task_id = ? ORDER BY first LIMIT 1;

-- name: logs_down_from
-- Of existing tasks; :tasks and :queues are JSON arrays, or null for all.
SELECT task_id FROM logs
WHERE task_id <= :task AND newest >= :since
    AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks)))
    AND (:queues IS NULL OR task_id IN (
        SELECT id FROM tasks WHERE queue IN (SELECT value FROM json_each(:queues))
    ))
    AND task_id NOT IN (SELECT task_id FROM deleted_tasks)
ORDER BY task_id DESC;

-- name: chunks_back_from
-- Those with lines up to a time, the one with the newest line of all first. A line rewritten since
-- may have got another level.
SELECT id, max_time, task_id, last FROM log_chunks
WHERE min_time <= :time AND max_time >= :since AND ((levels & :levels) OR EXISTS (
        SELECT 1 FROM log_lines WHERE log_lines.task_id = log_chunks.task_id
            AND n BETWEEN log_chunks.first AND log_chunks.last
    ))
    AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks)))
    AND (:queues IS NULL OR task_id IN (
        SELECT id FROM tasks WHERE queue IN (SELECT value FROM json_each(:queues))
    ))
    AND task_id NOT IN (SELECT task_id FROM deleted_tasks)
ORDER BY max_time DESC, task_id DESC, last DESC;

-- name: chunks_on_from
-- Those with lines from a time on, the one with the oldest line of all first; levels as before.
SELECT id, min_time, task_id, first FROM log_chunks
WHERE max_time >= :time AND min_time < :until AND ((levels & :levels) OR EXISTS (
        SELECT 1 FROM log_lines WHERE log_lines.task_id = log_chunks.task_id
            AND n BETWEEN log_chunks.first AND log_chunks.last
    ))
    AND (:tasks IS NULL OR task_id IN (SELECT value FROM json_each(:tasks)))
    AND (:queues IS NULL OR task_id IN (
        SELECT id FROM tasks WHERE queue IN (SELECT value FROM json_each(:queues))
    ))
    AND task_id NOT IN (SELECT task_id FROM deleted_tasks)
ORDER BY min_time, task_id, first;

-- name: open_logs
-- Those with rows that are in no chunk: which rows, and the times of the first and last of them.
SELECT logs.task_id, oldest.n, newest.n, oldest.time, newest.time FROM logs
JOIN log_lines AS oldest ON oldest.task_id = logs.task_id AND oldest.n = (
    SELECT min(n) FROM log_lines WHERE task_id = logs.task_id AND n > logs.sealed
)
JOIN log_lines AS newest ON newest.task_id = logs.task_id AND newest.n = (
    SELECT max(n) FROM log_lines WHERE task_id = logs.task_id
)
WHERE logs.open_bytes > 0
    AND (:tasks IS NULL OR logs.task_id IN (SELECT value FROM json_each(:tasks)))
    AND (:queues IS NULL OR logs.task_id IN (
        SELECT id FROM tasks WHERE queue IN (SELECT value FROM json_each(:queues))
    ))
    AND logs.task_id NOT IN (SELECT task_id FROM deleted_tasks);

-- name: time_of_row
SELECT time FROM log_lines WHERE task_id = ? AND n = ?;

-- name: names_of_tasks
SELECT id, name, queue FROM tasks WHERE id IN (SELECT value FROM json_each(?));

-- name: newest_time
SELECT max(newest) FROM logs;
