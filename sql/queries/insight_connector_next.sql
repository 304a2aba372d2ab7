-- What a connector sends next, in sight: the heads of its lanes by when they are due, and how many of the same contract wait
-- behind each. Looked for among the first so many, by index.
SELECT q.event_id, d.contract_id, d.trigger, d.business_unit, d.created_at, q.due_at, q.attempts, q.kind, q.last_error,
       q.lease_token IS NOT NULL AND q.due_at > now() AS leased, q.lease_worker AS worker,
       (SELECT count(*) FROM (SELECT FROM outbox.queue AS b
                              WHERE b.contract_id = q.contract_id AND b.connector_id = q.connector_id AND NOT b.ready
                              LIMIT 100) AS blocked) AS behind
FROM (SELECT w.event_id, w.connector_id, w.contract_id, w.position, w.due_at, w.attempts, w.kind, w.last_error, w.lease_token,
             w.lease_worker
      FROM outbox.queue AS w
      WHERE w.connector_id = :connector_id AND w.ready ORDER BY w.due_at, w.position LIMIT :most) AS q
JOIN outbox.delivery AS d ON d.event_id = q.event_id AND d.connector_id = q.connector_id
WHERE CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[]))
ORDER BY q.due_at, q.position
LIMIT :shown
