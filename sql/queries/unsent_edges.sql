-- The newest event id of all, and when the event at or after this id occurred; `expired` occurs at its deadline, long before
-- its id is taken, and tells no time.
SELECT (SELECT s.last_value FROM outbox.event_id AS s) AS newest,
       (SELECT e.occurred_at FROM outbox.event AS e
        WHERE e.id > CAST(:after AS bigint) AND e.trigger <> 'expired' ORDER BY e.id LIMIT 1) AS occurred_at
