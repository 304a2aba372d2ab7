-- Recorded events that the connector would get as it is now and has no delivery for, a page of them by id.
-- Only routed ones (what waits in the inbox reaches the connector anyway), and of coalesced ones only the one that stands.
-- OFFSET 0 keeps each look-up one by the event's key: joined, every page could read the facts whole.
SELECT e.id, e.contract_id
FROM outbox.event AS e
WHERE e.id > :after
  AND e.document IS NOT NULL
  AND e.business_unit IS NOT NULL
  AND (CAST(:all_units AS boolean) OR e.business_unit = ANY (CAST(:business_units AS text[])))
  AND e.trigger = ANY (CAST(:triggers AS text[]))
  AND (CAST(:contract_id AS text) IS NULL OR e.contract_id = CAST(:contract_id AS text))
  AND (CAST(:since AS timestamptz) IS NULL OR e.occurred_at >= CAST(:since AS timestamptz))
  AND (CAST(:until AS timestamptz) IS NULL OR e.occurred_at < CAST(:until AS timestamptz))
  AND NOT EXISTS (SELECT FROM outbox.delivery AS d WHERE d.event_id = e.id AND d.connector_id = :connector_id OFFSET 0)
  AND EXISTS (SELECT FROM outbox.decision AS r WHERE r.event_id = e.id OFFSET 0)
  AND NOT EXISTS (SELECT FROM outbox.decision AS r
                  WHERE r.event_id = e.id AND r.reason IN ('coalesced', 'unchanged', 'contract_gone') OFFSET 0)
ORDER BY e.id
LIMIT CAST(:most AS bigint)
