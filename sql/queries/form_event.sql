-- One event with its document, of these business units only; NULL stands for all.
SELECT e.id, e.occurred_at, CAST(CAST(e.xid AS text) AS bigint) AS xid, CAST(e.snapshot AS text) AS snapshot, e.trigger,
       e.contract_id, e.business_unit, e.status, CAST(e.changed AS text) AS changed, CAST(e.detail AS text) AS detail,
       CAST(e.document AS text) AS document, false AS overlaps
FROM outbox.event AS e
WHERE e.id = :event_id
  AND e.document IS NOT NULL
  AND (CAST(:units AS text[]) IS NULL OR e.business_unit = ANY (CAST(:units AS text[])))
