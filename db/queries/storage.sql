-- name: pages
SELECT ps.page_size * (pc.page_count - fl.freelist_count), ps.page_size * fl.freelist_count
FROM pragma_page_count AS pc, pragma_freelist_count AS fl, pragma_page_size AS ps;

-- name: logs
-- Those with lines; the lines in chunks; bytes of text in them, of the chunks, and of rows.
SELECT
    count(*) FILTER (WHERE chunk_bytes > 0 OR open_bytes > 0), coalesce(sum(sealed - first + 1), 0),
    coalesce(sum(text_bytes), 0), coalesce(sum(chunk_bytes), 0), coalesce(sum(open_bytes), 0)
FROM logs;

-- name: open_lines
-- How many lines are rows, and the time of the oldest one.
SELECT
    coalesce(sum(tasks.last_line - logs.sealed), 0),
    min((SELECT time FROM log_lines WHERE task_id = logs.task_id ORDER BY n LIMIT 1))
FROM logs INDEXED BY logs_open JOIN tasks ON tasks.id = logs.task_id WHERE logs.open_bytes > 0;

-- name: deleted_tasks
SELECT count(*) FROM deleted_tasks;

-- name: oldest_chunk
-- Of all logs: its task, the part of that log which goes first, and when the chunk's lines came.
SELECT old.task_id, tasks.name, part.first, part.last, old.min_time, old.max_time
FROM (SELECT task_id, min_time, max_time FROM log_chunks ORDER BY max_time LIMIT 1) AS old
JOIN log_chunks AS part ON part.task_id = old.task_id
    AND part.first = (SELECT min(first) FROM log_chunks WHERE task_id = old.task_id)
LEFT JOIN tasks ON tasks.id = old.task_id;

-- name: largest_log
-- The same of the largest one, and its size.
SELECT large.task_id, tasks.name, part.first, part.last, large.chunk_bytes
FROM (SELECT task_id, chunk_bytes FROM logs WHERE chunk_bytes > 0 ORDER BY chunk_bytes DESC LIMIT 1) AS large
JOIN log_chunks AS part ON part.task_id = large.task_id
    AND part.first = (SELECT min(first) FROM log_chunks WHERE task_id = large.task_id)
LEFT JOIN tasks ON tasks.id = large.task_id;

-- name: events
-- First and last seq, the oldest one's time, and bytes of an event, about.
SELECT
    (SELECT min(seq) FROM events), (SELECT max(seq) FROM events),
    (SELECT timestamp FROM events ORDER BY seq LIMIT 1),
    (SELECT avg(length(data) + length(message) + 60) FROM (
        SELECT data, message FROM events ORDER BY seq DESC LIMIT 200
    ));

-- name: largest_logs
-- The largest in chunks and the largest in rows.
SELECT
    tasks.id, tasks.name, tasks.status, logs.first, tasks.last_line, logs.newest,
    logs.chunk_bytes, logs.open_bytes, tasks.last_line - logs.sealed
FROM logs JOIN tasks ON tasks.id = logs.task_id
WHERE logs.task_id IN (
    SELECT task_id FROM (
        SELECT task_id FROM logs WHERE chunk_bytes > 0 ORDER BY chunk_bytes DESC LIMIT ?1
    ) UNION SELECT task_id FROM (
        SELECT task_id FROM logs WHERE open_bytes > 0 ORDER BY open_bytes DESC LIMIT ?1
    )
);
