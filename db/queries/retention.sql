-- name: old_events
-- Of the oldest events but the newest of all, those that are too old or too many.
SELECT max(seq) FROM (
    SELECT seq, timestamp FROM events ORDER BY seq LIMIT ?
) WHERE seq < ? AND (timestamp < ? OR seq <= ?);

-- name: trim_events
DELETE FROM events WHERE seq <= ?;

-- name: raise_floor
UPDATE event_floor SET seq = max(seq, ?);

-- name: trim_epochs
-- The epoch that holds the floor stays: a cursor at the floor is still good.
DELETE FROM epochs WHERE id < (
    SELECT max(id) FROM epochs WHERE first_seq <= (SELECT seq FROM event_floor)
);

-- name: next_deleted_task
SELECT task_id FROM deleted_tasks LIMIT 1;

-- name: forget_log
DELETE FROM logs WHERE task_id = ?;

-- name: forget_producers
DELETE FROM log_producers WHERE task_id = ?;

-- name: forget_deleted_task
DELETE FROM deleted_tasks WHERE task_id = ?;

-- name: trim_keys
DELETE FROM idempotency_keys WHERE key IN (
    SELECT key FROM idempotency_keys WHERE created_at < ? ORDER BY created_at LIMIT ?
);

-- name: used_bytes
SELECT (pc.page_count - fl.freelist_count) * ps.page_size
FROM pragma_page_count AS pc, pragma_freelist_count AS fl, pragma_page_size AS ps;

-- name: oldest_chunk
-- Of all logs.
SELECT task_id, max_time FROM log_chunks ORDER BY max_time LIMIT 1;

-- name: largest_log
SELECT task_id, chunk_bytes FROM logs WHERE chunk_bytes > 0 ORDER BY chunk_bytes DESC LIMIT 1;

-- name: idle_logs
SELECT tasks.id, tasks.last_line FROM logs INDEXED BY logs_open JOIN tasks ON tasks.id = logs.task_id
WHERE logs.open_bytes > 0 AND logs.newest < ?1 AND (tasks.active = 0 OR logs.newest < ?2)
ORDER BY logs.newest LIMIT 1000;
