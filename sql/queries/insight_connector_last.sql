-- The last attempt of connectors that had none lately, in sight: of their newest deliveries, by index.
SELECT k.connector_id, l.started_at AS last_at, l.outcome AS last_outcome, l.status_code AS last_status
FROM unnest(CAST(:connector_ids AS integer[])) AS k (connector_id)
CROSS JOIN LATERAL (
  SELECT t.started_at, t.outcome, t.status_code
  FROM (SELECT n.event_id
        FROM (SELECT d.event_id, d.business_unit, d.kind FROM outbox.delivery AS d
              WHERE d.connector_id = k.connector_id ORDER BY d.event_id DESC LIMIT 50) AS n
        WHERE n.kind <> 'test' AND (CAST(:within AS text[]) IS NULL OR n.business_unit = ANY (CAST(:within AS text[])))
        ORDER BY n.event_id DESC LIMIT 5) AS d
  JOIN outbox.attempt AS t ON t.event_id = d.event_id AND t.connector_id = k.connector_id
  WHERE NOT t.late AND t.settled IS DISTINCT FROM 'cancelled'
  ORDER BY t.started_at DESC
  LIMIT 1) AS l
