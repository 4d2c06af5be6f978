-- Tasks: one row a task, `version` rises by one at each change.
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- what people see ("Task #42"), never reused
    name TEXT NOT NULL,
    queue TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'running', 'stalled', 'completed', 'failed', 'cancelled')),
    progress REAL CHECK (progress BETWEEN 0 AND 100), -- percent, null = unknown
    current REAL,
    total REAL,
    unit TEXT,
    message TEXT,
    payload TEXT, -- JSON
    result TEXT, -- JSON
    error TEXT,
    labels TEXT NOT NULL DEFAULT '{}', -- JSON object of strings
    priority INTEGER NOT NULL DEFAULT 0,
    claimable INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 1,
    max_retries INTEGER NOT NULL DEFAULT 0,
    run_at TEXT,
    created_at TEXT NOT NULL, -- all times: RFC 3339, UTC, milliseconds, Z
    updated_at TEXT NOT NULL,
    started_at TEXT,
    finished_at TEXT,
    heartbeat_at TEXT,
    heartbeat_timeout REAL, -- seconds, null = this producer sends none
    heartbeat_due REAL, -- unix seconds after which a running task counts as stalled
    worker TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0,
    rate REAL, -- units a second, smoothed
    speed REAL, -- percent a second, smoothed
    sampled_from REAL, -- unix seconds of the first progress sample of this attempt
    sampled_at REAL, -- and of the newest
    eta_seconds REAL,
    last_line INTEGER NOT NULL DEFAULT 0, -- highest line number of its log
    version INTEGER NOT NULL DEFAULT 1,
    active INTEGER NOT NULL GENERATED ALWAYS AS (status IN ('pending', 'running', 'stalled')) VIRTUAL
) STRICT;
CREATE INDEX tasks_active ON tasks (active, id);
CREATE INDEX tasks_status ON tasks (status, id);
CREATE INDEX tasks_queue ON tasks (queue, id);
CREATE INDEX tasks_overdue ON tasks (heartbeat_due) WHERE status = 'running' AND heartbeat_due IS NOT NULL;

-- Log lines: `n` counts from 1 within a task and is the order of truth.
CREATE TABLE log_lines (
    task_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    time TEXT NOT NULL, -- server's clock
    sent_at TEXT, -- the producer's own time, for display only
    level TEXT,
    stream TEXT NOT NULL,
    text TEXT NOT NULL, fields TEXT,
    PRIMARY KEY (task_id, n)
) STRICT, WITHOUT ROWID;

-- Where the lines of a log are: one row a task that has one.
CREATE TABLE logs (
    task_id INTEGER PRIMARY KEY,
    first INTEGER NOT NULL DEFAULT 1, -- lines before it were removed by retention
    sealed INTEGER NOT NULL DEFAULT 0, -- lines up to it are in chunks
    open_bytes INTEGER NOT NULL DEFAULT 0, -- of its rows, about; 0 when it has none
    text_bytes INTEGER NOT NULL DEFAULT 0, -- of the text in its chunks, before compression
    chunk_bytes INTEGER NOT NULL DEFAULT 0, -- that its chunks take
    newest TEXT NOT NULL -- time of the newest line
) STRICT;
CREATE INDEX logs_open ON logs (newest) WHERE open_bytes > 0;
CREATE INDEX logs_size ON logs (chunk_bytes) WHERE chunk_bytes > 0;

-- Lines that no longer change, some thousand in a row. A row of log_lines wins over a line in here.
CREATE TABLE log_chunks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- never reused: what is known of a chunk stays true
    task_id INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    min_time TEXT NOT NULL,
    max_time TEXT NOT NULL,
    levels INTEGER NOT NULL, -- a bit for each level that occurs
    text_bytes INTEGER NOT NULL, -- of the text before compression
    stored_bytes INTEGER NOT NULL, -- of both blobs
    colours TEXT NOT NULL, -- what is in force after it: JSON object, stream -> SGR parameters
    text BLOB NOT NULL, -- zstd: the lines without escapes, joined by LF
    rest BLOB NOT NULL -- zstd: all else about the lines, app/store/log_chunks.py
) STRICT;
CREATE UNIQUE INDEX log_chunks_place ON log_chunks (task_id, first);
-- All logs are read in the order of their lines' times, from either end.
CREATE INDEX log_chunks_newest ON log_chunks (max_time, task_id, last, min_time, levels);
CREATE INDEX log_chunks_oldest ON log_chunks (min_time, task_id, first, max_time, levels);
CREATE TRIGGER log_chunks_add AFTER INSERT ON log_chunks BEGIN
    UPDATE logs SET text_bytes = text_bytes + new.text_bytes, chunk_bytes = chunk_bytes + new.stored_bytes
    WHERE task_id = new.task_id;
END;
CREATE TRIGGER log_chunks_remove AFTER DELETE ON log_chunks BEGIN
    UPDATE logs SET text_bytes = text_bytes - old.text_bytes, chunk_bytes = chunk_bytes - old.stored_bytes
    WHERE task_id = old.task_id;
END;

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

-- Deleted tasks whose log lines are still to be removed, in small batches.
CREATE TABLE deleted_tasks (task_id INTEGER PRIMARY KEY) STRICT;

-- The append-only event log. A LOG event's data holds a range of line numbers, joined when encoded.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY, -- strictly ascending in commit order, never reused
    type TEXT NOT NULL,
    task_id INTEGER,
    queue TEXT,
    timestamp TEXT NOT NULL,
    message TEXT NOT NULL,
    data TEXT NOT NULL -- JSON
) STRICT;

-- One row: every event with seq <= floor may be gone.
CREATE TABLE event_floor (seq INTEGER NOT NULL) STRICT;
INSERT INTO event_floor VALUES (0);

-- One row a server start: the random name under which events from first_seq on are known.
CREATE TABLE epochs (
    id INTEGER PRIMARY KEY,
    epoch TEXT NOT NULL UNIQUE,
    first_seq INTEGER NOT NULL,
    started_at TEXT NOT NULL
) STRICT;

-- Answers kept for 24 hours, so that a retried POST is harmless.
CREATE TABLE idempotency_keys (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL, -- of method, path and body
    response TEXT NOT NULL, -- JSON
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
