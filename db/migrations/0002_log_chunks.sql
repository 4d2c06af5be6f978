-- Sealed log lines: older lines of a log move from rows into compressed chunks.
ALTER TABLE log_lines ADD COLUMN fields TEXT;

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

INSERT INTO logs (task_id, first, sealed, open_bytes, newest)
SELECT task_id, min(n), min(n) - 1, sum(length(text) + 100), max(time) FROM log_lines GROUP BY task_id;

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
