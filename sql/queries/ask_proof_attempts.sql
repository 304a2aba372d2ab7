-- Every attempt of these deliveries in order, late ones after the attempt of their number, with who had made the
-- connector's version that it was sent by.
SELECT a.event_id, a.connector_id, a.number, a.late, a.kind, a.started_at, a.duration_ms, a.url, a.outcome, a.status_code,
       a.error_code, a.error, a.settled, a.worker, a.connector_version, a.response_cut, a.response_body,
       CAST(a.request_headers AS text) AS request_headers, CAST(a.response_headers AS text) AS response_headers,
       v.changed_at AS version_at, v.changed_by AS version_by
FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[])) AS asked (event_id, connector_id)
JOIN outbox_audit.attempts a ON a.event_id = asked.event_id AND a.connector_id = asked.connector_id
LEFT JOIN outbox_audit.connector_versions v ON v.connector_id = a.connector_id AND v.version = a.connector_version
ORDER BY a.event_id, a.connector_id, a.number, a.late, a.started_at
