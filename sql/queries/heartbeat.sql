-- One row for each worker: for people, and for how long its shares hold. No lease depends on it.
INSERT INTO outbox.worker (name, host, pid, version, transport, share_seconds, unopened, clock_ahead)
VALUES (:name, :host, :pid, :version, :transport, :share_seconds, CAST(:unopened AS integer[]),
        CAST(:clock AS double precision) - CAST(extract(epoch FROM clock_timestamp()) AS double precision))
ON CONFLICT (name) DO UPDATE
SET seen_at = clock_timestamp(), stopped_at = NULL, share_seconds = excluded.share_seconds, unopened = excluded.unopened,
    clock_ahead = excluded.clock_ahead
