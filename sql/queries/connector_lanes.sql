-- Lane locks of what waits for a connector, up to an event where one is given: what cancels it and what settles it take the
-- same rows. A statement of its own, in order, as lane_locks.
SELECT pg_advisory_xact_lock(7231002, bucket)
FROM (SELECT DISTINCT hashtext(q.contract_id) & 1023 AS bucket
      FROM outbox.queue q
      WHERE q.connector_id = :connector_id AND (CAST(:last AS bigint) IS NULL OR q.event_id <= CAST(:last AS bigint))
      ORDER BY bucket) AS wanted
