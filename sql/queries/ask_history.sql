-- A page of recorded events, by id, that a connector's business units share, and beside them (not `asked`) all that
-- their transactions did to the same contracts, for that is what routing sees together.
WITH page AS MATERIALIZED (
  SELECT e.id, e.contract_id, e.xid
  FROM outbox.event e
  WHERE e.id > :after AND e.id <= :last
    AND e.occurred_at >= CAST(:since AS timestamptz)
    AND (CAST(:until AS timestamptz) IS NULL OR e.occurred_at < CAST(:until AS timestamptz))
    AND (CAST(:contract AS text) IS NULL OR e.contract_id = CAST(:contract AS text))
    AND (CAST(:all_units AS boolean) OR e.business_unit = ANY (CAST(:business_units AS text[])))
  ORDER BY e.id
  LIMIT :most
)
SELECT e.id, e.occurred_at, CAST(CAST(e.xid AS text) AS bigint) AS xid, CAST(e.snapshot AS text) AS snapshot, e.trigger,
       e.contract_id, e.business_unit, e.status, CAST(e.changed AS text) AS changed, CAST(e.detail AS text) AS detail,
       CAST(e.document AS text) AS document, false AS overlaps,
       EXISTS (SELECT FROM page p WHERE p.id = e.id) AS asked
FROM (SELECT DISTINCT p.contract_id, p.xid FROM page p) AS together
JOIN outbox.event e ON e.contract_id = together.contract_id AND e.xid = together.xid
ORDER BY e.id
