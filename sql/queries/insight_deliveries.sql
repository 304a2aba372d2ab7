-- These deliveries as they stand now, each looked up by its key, and how its last attempt ended (late ones came beside
-- it). What isn't within the asker's business units gives no row.
SELECT d.event_id, d.connector, d.connector_id, d.connector_version, d.contract_id, d.business_unit, d.trigger, d.state,
       d.attempts, d.due_at, d.created_at, d.finished_at, d.last_error, d.kind, d.blocked_by, d.worker, d.replaying,
       t.outcome, t.status_code, t.duration_ms
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) WITH ORDINALITY
  AS k (event_id, connector_id, place)
CROSS JOIN LATERAL (
  SELECT v.* FROM outbox_audit.deliveries v
  WHERE v.event_id = k.event_id AND v.connector_id = k.connector_id OFFSET 0) AS d
LEFT JOIN LATERAL (
  SELECT a.outcome, a.status_code, a.duration_ms
  FROM outbox.attempt a
  WHERE a.event_id = k.event_id AND a.connector_id = k.connector_id AND NOT a.late
  ORDER BY a.number DESC LIMIT 1) AS t ON true
WHERE CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[]))
ORDER BY k.place
