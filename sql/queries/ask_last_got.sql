-- Of each contract the report that these connectors' receiver confirmed last, late answers and replays included, with
-- its event; and how many deliveries of the contract wait. A contract of which it confirmed none gives no row.
SELECT last.event_id AS id, e.occurred_at, CAST(CAST(e.xid AS text) AS bigint) AS xid,
       CAST(e.snapshot AS text) AS snapshot, e.trigger, e.contract_id, e.business_unit, e.status,
       CAST(e.changed AS text) AS changed, CAST(e.detail AS text) AS detail, CAST(e.document AS text) AS document,
       false AS overlaps, last.connector_id, last.connector_version, last.content_type, last.body, last.got_at,
       CAST(v.spec AS text) AS spec,
       (SELECT count(*) FROM outbox.queue q
        WHERE q.contract_id = asked.contract_id AND q.connector_id = ANY (CAST(:connector_ids AS integer[]))
          AND (CAST(:within AS text[]) IS NULL OR EXISTS (
            SELECT FROM outbox.delivery o WHERE o.event_id = q.event_id AND o.connector_id = q.connector_id
                                            AND o.business_unit = ANY (CAST(:within AS text[]))))) AS waiting
FROM unnest(CAST(:contract_ids AS text[])) AS asked (contract_id)
CROSS JOIN LATERAL (
  SELECT d.event_id, d.connector_id, d.connector_version, d.content_type, d.body,
         t.started_at + coalesce(t.duration_ms, 0) * interval '1 millisecond' AS got_at
  FROM outbox.delivery d
  JOIN outbox.attempt t ON t.event_id = d.event_id AND t.connector_id = d.connector_id
  WHERE d.contract_id = asked.contract_id
    AND d.connector_id = ANY (CAST(:connector_ids AS integer[]))
    AND d.kind <> 'test'
    AND (CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[])))
    AND (t.outcome = 'ok' OR (t.late AND t.error_code = 'ok'))
  ORDER BY got_at DESC, d.event_id DESC
  LIMIT 1) AS last
JOIN outbox.event e ON e.id = last.event_id
LEFT JOIN outbox.connector_version v ON v.connector_id = last.connector_id AND v.version = last.connector_version
ORDER BY asked.contract_id
