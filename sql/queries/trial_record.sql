-- A test: its delivery, kind `test`, and its one attempt, together; it never was in the queue and settles nothing.
-- Under the contract's lane lock: a contract that was erased since it was read leaves no content behind.
WITH erased AS MATERIALIZED (
  SELECT EXISTS (SELECT FROM outbox.erasure e
                 WHERE e.contract_id = :contract_id
                   AND e.erased_at >= (SELECT min(s) FROM unnest(CAST(:started_at AS timestamptz[])) AS s)) AS yes
), made AS (
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, kind, trigger, contract_id, business_unit,
                               content_type, body)
  SELECT :event_id, :connector_id, :connector_version, 'test', :trigger, :contract_id, CAST(:business_unit AS text),
         :content_type, CASE WHEN NOT erased.yes THEN CAST(:body AS bytea) END
  FROM erased
)
INSERT INTO outbox.attempt (event_id, connector_id, number, kind, connector_version, started_at, duration_ms, timings,
                            url, request_headers, status_code, response_headers, response_body, response_cut, outcome,
                            error_code, error, worker)
SELECT r.event_id, r.connector_id, r.number, 'test', r.connector_version, r.started_at, r.duration_ms,
       CAST(r.timings AS jsonb), r.url, CAST(r.request_headers AS jsonb), r.status_code,
       CASE WHEN NOT erased.yes THEN CAST(r.response_headers AS jsonb) END,
       CASE WHEN NOT erased.yes THEN r.response_body END, r.response_cut, r.outcome, r.error_code,
       CASE WHEN NOT erased.yes THEN r.error END, :worker
FROM erased
CROSS JOIN unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[]), CAST(:numbers AS integer[]),
            CAST(:connector_versions AS integer[]), CAST(:started_at AS timestamptz[]),
            CAST(:durations AS double precision[]), CAST(:timings AS text[]), CAST(:urls AS text[]),
            CAST(:request_headers AS text[]), CAST(:status_codes AS integer[]), CAST(:response_headers AS text[]),
            CAST(:response_bodies AS bytea[]), CAST(:cuts AS boolean[]), CAST(:outcomes AS text[]),
            CAST(:error_codes AS text[]), CAST(:errors AS text[]))
  AS r (event_id, connector_id, number, connector_version, started_at, duration_ms, timings, url, request_headers,
        status_code, response_headers, response_body, response_cut, outcome, error_code, error)
