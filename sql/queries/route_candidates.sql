-- The contracts of the oldest notes, read without a lock. A note without its event (its capture has not run) waits.
SELECT DISTINCT oldest.contract_id
FROM (SELECT i.contract_id
      FROM outbox.inbox i
      WHERE EXISTS (SELECT FROM outbox.event e WHERE e.id = i.event_id)
      ORDER BY i.event_id
      LIMIT :most) AS oldest
