-- Takes every visible note of the locked contracts, so that no transaction's notes on one contract are ever split.
-- `overlaps`: another committed event of the contract and this one did not see each other, so neither document has both.
-- The bound on `o.id` leaves old partitions alone. It has one side only: of a range the planner thinks so little is left
-- that it reads the whole range by primary key, instead of the contract by its index.
WITH taken AS MATERIALIZED (
  DELETE FROM outbox.inbox i
  WHERE i.contract_id = ANY (CAST(:contract_ids AS text[]))
    AND EXISTS (SELECT FROM outbox.event e WHERE e.id = i.event_id)
  RETURNING i.event_id
)
SELECT e.id, e.occurred_at, CAST(CAST(e.xid AS text) AS bigint) AS xid, CAST(e.snapshot AS text) AS snapshot, e.trigger,
       e.contract_id, e.business_unit, e.status, CAST(e.changed AS text) AS changed, CAST(e.detail AS text) AS detail,
       CAST(e.document AS text) AS document,
       EXISTS (SELECT FROM outbox.event o
               WHERE o.contract_id = e.contract_id
                 AND o.xid >= pg_snapshot_xmin(e.snapshot)
                 AND o.id >= e.id - 5000000
                 AND o.xid <> e.xid
                 AND NOT pg_visible_in_snapshot(o.xid, e.snapshot)
                 AND NOT pg_visible_in_snapshot(e.xid, o.snapshot)) AS overlaps
FROM taken
JOIN outbox.event e ON e.id = taken.event_id
ORDER BY e.id
