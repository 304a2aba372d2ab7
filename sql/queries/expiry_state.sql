-- The scan as it stands, and the database's time; no row where no [expired] is installed. `ended_at` is NULL where none
-- has ended yet, `looked_at` then the time of install. `scanning`: one is under way by whoever may well be alive.
SELECT s.since, s.scanned_to, s.swept_at, s.due_at, s.ended_at, s.seconds, s.raised, clock_timestamp() AS now,
       coalesce(s.ended_at, (SELECT max(i.installed_at) FROM outbox.source AS i WHERE i.removed_at IS NULL), s.since)
         AS looked_at,
       s.worker IS NOT NULL AND s.due_at > clock_timestamp()
       AND NOT EXISTS (SELECT FROM outbox.worker AS w
                       WHERE w.name = s.worker
                         AND (w.stopped_at IS NOT NULL
                              OR w.seen_at < clock_timestamp() - make_interval(secs => greatest(30, w.share_seconds))))
         AS scanning
FROM outbox.expiry_scan AS s
