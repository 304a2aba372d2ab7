-- The contracts of the oldest notes, read without a lock, but for those set aside. A note without its event (its
-- capture has not run) waits.
SELECT DISTINCT oldest.contract_id
FROM (SELECT i.contract_id
      FROM outbox.inbox i
      WHERE EXISTS (SELECT FROM outbox.event e WHERE e.id = i.event_id)
        AND i.contract_id <> ALL (CAST(:set_aside AS text[]))
      ORDER BY i.event_id
      LIMIT :most) AS oldest
