-- name: find_key
SELECT fingerprint, response FROM idempotency_keys WHERE key = ?;

-- name: insert_key
INSERT INTO idempotency_keys (key, fingerprint, response, created_at) VALUES (?, ?, ?, ?);
