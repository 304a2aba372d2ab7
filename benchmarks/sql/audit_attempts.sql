-- Their attempts: one in twenty fails at first, one in a thousand is given up then, the others arrive.
INSERT INTO outbox.attempt (event_id, connector_id, number, kind, connector_version, started_at, duration_ms, url, request_headers,
                            status_code, outcome, error, worker, settled)
SELECT d.event_id, d.connector_id, t.number, 'auto', 1, d.created_at + interval '2 ms' + (t.number - 1) * interval '1 minute',
       5 + d.event_id %% 20, 'http://127.0.0.1:9/', '{"Content-Type": "application/json"}',
       CASE WHEN t.ok THEN 204 WHEN d.event_id %% 42 = 0 THEN NULL ELSE 503 END,
       CASE WHEN t.ok THEN 'ok' WHEN d.event_id %% 42 = 0 THEN 'timeout' ELSE 'http_error' END,
       CASE WHEN NOT t.ok AND d.event_id %% 42 = 0 THEN 'no answer in 15 s' END, 'host:1',
       CASE WHEN t.ok THEN 'delivered' WHEN d.event_id %% 1029 = 0 THEN 'dead' END
FROM outbox.delivery AS d
CROSS JOIN LATERAL (
  SELECT number, number = 2 OR d.event_id %% 21 <> 0 AS ok
  FROM generate_series(1, CASE WHEN d.event_id %% 21 <> 0 OR d.event_id %% 1029 = 0 THEN 1 ELSE 2 END) AS number) AS t
WHERE d.event_id BETWEEN %(first)s AND %(last)s
