-- name: head
SELECT max(
    (SELECT coalesce(max(seq), 0) FROM events),
    (SELECT seq FROM event_floor),
    (SELECT coalesce(max(first_seq) - 1, 0) FROM epochs)
);

-- name: floor
SELECT seq FROM event_floor;

-- name: newest_epoch
SELECT epoch FROM epochs ORDER BY id DESC LIMIT 1;

-- name: list_epochs
SELECT epoch, first_seq FROM epochs ORDER BY id;

-- name: insert_epoch
INSERT INTO epochs (epoch, first_seq, started_at) VALUES (?, ?, ?);

-- name: insert_event
INSERT INTO events (seq, type, task_id, queue, timestamp, message, data) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: slice
SELECT seq, type, task_id, queue, timestamp, message, data FROM events
WHERE seq > ? AND seq <= ? AND (/* channels */) ORDER BY seq LIMIT ?;

-- name: live_tasks
SELECT id, active FROM tasks WHERE id IN (SELECT value FROM json_each(?));
