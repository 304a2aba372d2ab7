-- One row for each worker, for people: no lease depends on it. Who stopped stays so, though a heartbeat came after.
INSERT INTO outbox.worker (name, host, pid, version, transport, unopened)
VALUES (:name, :host, :pid, :version, :transport, CAST(:unopened AS integer[]))
ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp(), unopened = excluded.unopened
