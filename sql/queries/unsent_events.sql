-- These events, newest first, with the connectors that were decided against.
SELECT e.id AS event_id, e.occurred_at, e.trigger, e.contract_id, e.business_unit, e.status,
       against.reason, against.words, against.connectors
FROM outbox.event AS e
CROSS JOIN LATERAL (
  SELECT coalesce(min(n.reason) FILTER (WHERE n.connector_id IS NULL), min(n.reason)) AS reason,
         min(n.words) AS words, array_agg(n.connector ORDER BY n.connector) FILTER (WHERE n.connector IS NOT NULL) AS connectors
  FROM outbox_audit.decisions AS n WHERE n.event_id = e.id) AS against
WHERE e.id = ANY (CAST(:event_ids AS bigint[]))
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
ORDER BY e.id DESC
