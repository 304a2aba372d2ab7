-- What concerns all business units: changes that were not captured (of more than 10,000 no more are counted), and workers
-- that have given a sign of life.
SELECT (SELECT count(*) FROM (SELECT FROM outbox.capture_error AS e WHERE e.recaptured_at IS NULL LIMIT 10001) AS n)
         AS capture_errors,
       (SELECT count(*) FROM outbox.worker AS w
        WHERE w.stopped_at IS NULL AND w.seen_at > clock_timestamp() - make_interval(secs => :alive_seconds)) AS workers,
       clock_timestamp() AS now
