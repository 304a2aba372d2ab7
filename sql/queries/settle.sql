-- Writes attempts and their outcomes: under the lane locks, and only where the lease token still matches.
-- A stale worker changes nothing: its attempt is kept as `late`. Settling the same attempt again (a commit whose
-- answer was lost) adds nothing. `delay` is seconds until the next attempt; the database's clock adds them.
-- A late answer to a report that was erased meanwhile is kept without its content.
WITH result AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[]), CAST(:tokens AS bigint[]),
                       CAST(:numbers AS integer[]), CAST(:kinds AS text[]), CAST(:connector_versions AS integer[]),
                       CAST(:started_at AS timestamptz[]), CAST(:durations AS double precision[]),
                       CAST(:timings AS text[]), CAST(:urls AS text[]), CAST(:request_headers AS text[]),
                       CAST(:status_codes AS integer[]), CAST(:response_headers AS text[]),
                       CAST(:response_bodies AS bytea[]), CAST(:cuts AS boolean[]), CAST(:outcomes AS text[]),
                       CAST(:error_codes AS text[]), CAST(:errors AS text[]), CAST(:settled AS text[]),
                       CAST(:delays AS double precision[]), CAST(:counted AS boolean[]))
    AS r (event_id, connector_id, token, number, kind, connector_version, started_at, duration_ms, timings, url,
          request_headers, status_code, response_headers, response_body, response_cut, outcome, error_code, error,
          settled, delay, counted)
), closed AS (
  DELETE FROM outbox.queue q USING result r
  WHERE q.connector_id = r.connector_id AND q.event_id = r.event_id AND q.lease_token = r.token
    AND r.settled IS NOT NULL
  RETURNING q.event_id, q.connector_id, q.contract_id, q.lease_token
), waiting AS (
  UPDATE outbox.queue q
  SET lease_token = NULL, lease_worker = NULL, leased_at = NULL, last_error = r.error,
      tries = q.tries - CASE WHEN r.counted THEN 0 ELSE 1 END,
      due_at = clock_timestamp() + make_interval(secs => r.delay)
  FROM result r
  WHERE q.connector_id = r.connector_id AND q.event_id = r.event_id AND q.lease_token = r.token AND r.settled IS NULL
  RETURNING q.event_id, q.connector_id, r.token AS lease_token
), applied AS (
  SELECT event_id, connector_id, lease_token FROM closed
  UNION ALL
  SELECT event_id, connector_id, lease_token FROM waiting
), known AS (
  SELECT r.*, a.event_id IS NULL AS late, a.event_id IS NULL AND EXISTS (
           SELECT FROM outbox.delivery d
           WHERE d.event_id = r.event_id AND d.connector_id = r.connector_id AND d.body IS NULL OFFSET 0) AS erased
  FROM result r
  LEFT JOIN applied a ON a.event_id = r.event_id AND a.connector_id = r.connector_id AND a.lease_token = r.token
), kept AS (
  INSERT INTO outbox.attempt (event_id, connector_id, number, late, kind, connector_version, started_at, duration_ms,
                              timings, url, request_headers, status_code, response_headers, response_body,
                              response_cut, outcome, error_code, error, worker, settled)
  SELECT k.event_id, k.connector_id, k.number, k.late, k.kind, k.connector_version, k.started_at, k.duration_ms,
         CAST(k.timings AS jsonb), k.url, CAST(k.request_headers AS jsonb), k.status_code,
         CASE WHEN NOT k.erased THEN CAST(k.response_headers AS jsonb) END, CASE WHEN NOT k.erased THEN k.response_body END,
         k.response_cut, CASE WHEN k.late THEN 'late' ELSE k.outcome END,
         CASE WHEN k.late THEN k.outcome ELSE k.error_code END,
         CASE WHEN k.late THEN concat_ws(': ', 'came after its lease had run out', CASE WHEN NOT k.erased THEN k.error END)
              ELSE k.error END,
         :worker, CASE WHEN NOT k.late THEN k.settled END
  FROM known k
  WHERE NOT k.late OR NOT EXISTS (
    SELECT FROM outbox.attempt w
    WHERE w.event_id = k.event_id AND w.connector_id = k.connector_id AND w.number = k.number AND NOT w.late
      AND w.worker = :worker AND w.started_at = k.started_at)
  ON CONFLICT DO NOTHING
)
SELECT r.event_id, r.connector_id, a.event_id IS NOT NULL AS applied, c.contract_id AS closed_contract_id
FROM result r
LEFT JOIN applied a ON a.event_id = r.event_id AND a.connector_id = r.connector_id AND a.lease_token = r.token
LEFT JOIN closed c ON c.event_id = r.event_id AND c.connector_id = r.connector_id
