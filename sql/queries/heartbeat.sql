-- One row for each worker: for people, and for how long its shares hold. No lease depends on it.
INSERT INTO outbox.worker (name, host, pid, version, transport, share_seconds, unopened)
VALUES (:name, :host, :pid, :version, :transport, :share_seconds, CAST(:unopened AS integer[]))
ON CONFLICT (name) DO UPDATE
SET seen_at = clock_timestamp(), stopped_at = NULL, share_seconds = excluded.share_seconds, unopened = excluded.unopened
