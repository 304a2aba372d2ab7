-- One row for each worker, for people: no lease depends on it.
INSERT INTO outbox.worker (name, host, pid, version, transport)
VALUES (:name, :host, :pid, :version, :transport)
ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp(), stopped_at = NULL
