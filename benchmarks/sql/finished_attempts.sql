-- Their attempts: one each, delivered.
INSERT INTO outbox.attempt (event_id, connector_id, number, kind, connector_version, started_at, duration_ms, url, status_code,
                            outcome, worker, settled)
SELECT n, 1 + n %% %(units)s, 1, 'auto', 1, clock_timestamp(), 5, 'http://127.0.0.1:9/', 204, 'ok', 'host:1', 'delivered'
FROM generate_series(CAST(%(first)s AS bigint), %(last)s) AS n
