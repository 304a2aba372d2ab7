-- A page of a contract's events, newest first. Their ids come from the contract's index alone, and each row is looked up
-- by its own: so a long contract costs its index entries. `changed` and `detail` are left out where they are long.
SELECT e.id AS event_id, e.occurred_at, e.trigger, e.contract_id, e.business_unit, e.status,
       CASE WHEN length(CAST(e.changed AS text)) <= CAST(:longest AS integer) THEN CAST(e.changed AS text) END AS changed,
       CASE WHEN length(CAST(e.detail AS text)) <= CAST(:longest AS integer) THEN CAST(e.detail AS text) END AS detail,
       greatest(length(CAST(e.changed AS text)), length(CAST(e.detail AS text))) > CAST(:longest AS integer) AS too_long,
       e.document IS NOT NULL AS documented,
       EXISTS (SELECT FROM outbox.inbox AS i WHERE i.event_id = e.id) AS awaits_routing,
       CASE WHEN e.document IS NULL THEN (SELECT max(r.erased_at) FROM outbox.erasure AS r
                                          WHERE r.contract_id = e.contract_id AND r.erased_at >= e.occurred_at) END
         AS erased_at
FROM (
  SELECT i.id FROM outbox.event AS i
  WHERE i.contract_id = CAST(:contract AS text) AND (CAST(:before AS bigint) IS NULL OR i.id < CAST(:before AS bigint))
  ORDER BY i.id DESC OFFSET 0) AS its
CROSS JOIN LATERAL (
  SELECT o.* FROM outbox.event AS o
  WHERE o.id = its.id
    AND (CAST(:within AS text[]) IS NULL OR o.business_unit = ANY (CAST(:within AS text[]))) OFFSET 0) AS e
ORDER BY its.id DESC
LIMIT CAST(:most AS integer)
