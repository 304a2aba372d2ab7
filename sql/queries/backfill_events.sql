-- The events of a page that still have no delivery, and beside them those that were coalesced into them, whose
-- `changed` belongs to the same report. After the lane locks, in a statement of its own: so never twice.
WITH wanted AS MATERIALIZED (
  SELECT e.id, e.contract_id, e.xid
  FROM outbox.event AS e
  WHERE e.id = ANY (CAST(:event_ids AS bigint[]))
    AND NOT EXISTS (SELECT FROM outbox.delivery AS d WHERE d.event_id = e.id AND d.connector_id = :connector_id)
), member AS (
  SELECT id FROM wanted
  UNION
  SELECT r.event_id
  FROM wanted AS w
  JOIN outbox.event AS m ON m.contract_id = w.contract_id AND m.xid = w.xid
  JOIN outbox.decision AS r ON r.event_id = m.id AND r.reason = 'coalesced' AND r.into_event_id = w.id
)
SELECT e.id, e.occurred_at, CAST(CAST(e.xid AS text) AS bigint) AS xid, CAST(e.snapshot AS text) AS snapshot, e.trigger,
       e.contract_id, e.business_unit, e.status, CAST(e.changed AS text) AS changed, CAST(e.detail AS text) AS detail,
       CAST(e.document AS text) AS document,
       EXISTS (SELECT FROM outbox.decision AS r WHERE r.event_id = e.id AND r.reread) AS overlaps
FROM member
JOIN outbox.event AS e ON e.id = member.id
ORDER BY e.id
