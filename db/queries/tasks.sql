-- name: columns
id, name, queue, status, progress, current, total, unit, message, payload, result, error, labels,
priority, claimable, attempt, max_retries, run_at, created_at, updated_at, started_at, finished_at,
heartbeat_at, heartbeat_timeout, heartbeat_due, worker, cancel_requested, rate, speed, sampled_from,
sampled_at, eta_seconds, last_line, version;

-- name: list_columns
id, name, queue, status, progress, current, total, unit, message, NULL, NULL, error, labels,
priority, claimable, attempt, max_retries, run_at, created_at, updated_at, started_at, finished_at,
heartbeat_at, heartbeat_timeout, heartbeat_due, worker, cancel_requested, rate, speed, sampled_from,
sampled_at, eta_seconds, last_line, version;

-- name: get_task
SELECT /* columns */ FROM tasks WHERE id = ?;

-- name: insert_task
INSERT INTO tasks (/* columns */) VALUES (/* values */);

-- name: update_task
UPDATE tasks SET /* assignments */ WHERE id = ?;

-- name: delete_task
DELETE FROM tasks WHERE id = ?;

-- name: note_deleted
-- Its log lines go in the background, in small batches.
INSERT INTO deleted_tasks (task_id) VALUES (?);

-- name: list_tasks
SELECT /* columns */ FROM tasks WHERE /* conditions */ ORDER BY /* order */ LIMIT ?;

-- name: list_ids
SELECT id FROM tasks WHERE /* conditions */ ORDER BY id LIMIT ?;

-- name: count_tasks
SELECT count(*) FROM tasks WHERE /* conditions */;

-- name: count_by_status
SELECT status, count(*) FROM tasks GROUP BY status;

-- name: list_queues
-- Skips from queue to queue along the index instead of reading every row.
WITH RECURSIVE found (queue) AS (
    SELECT min(queue) FROM tasks
    UNION ALL
    SELECT (SELECT min(queue) FROM tasks WHERE tasks.queue > found.queue) FROM found
    WHERE found.queue IS NOT NULL
)
SELECT queue FROM found WHERE queue IS NOT NULL;

-- name: overdue_tasks
SELECT id FROM tasks
WHERE status = 'running' AND heartbeat_due IS NOT NULL AND heartbeat_due < ? LIMIT ?;

-- name: forgive_heartbeats
UPDATE tasks SET heartbeat_due = ? + heartbeat_timeout
WHERE status = 'running' AND heartbeat_due IS NOT NULL;
