-- Deliveries with their exact bodies, and their place in the queue; under the lane locks of their contracts.
-- Never twice: the delivery's key decides, and only what it let in is queued. A report that could not be built is
-- dead at once. In an ordered lane only the first open row is ready. Positions follow the order of the arrays.
-- What is ready and has a `lease_seconds` is born leased: routed and claimed in one.
WITH planned AS MATERIALIZED (
  SELECT * FROM unnest(CAST(:event_ids AS bigint[]), CAST(:connector_ids AS integer[]),
                       CAST(:connector_versions AS integer[]), CAST(:kinds AS text[]), CAST(:triggers AS text[]),
                       CAST(:contract_ids AS text[]), CAST(:business_units AS text[]), CAST(:content_types AS text[]),
                       CAST(:bodies AS bytea[]), CAST(:errors AS text[]), CAST(:ordered AS boolean[]),
                       CAST(:positions AS bigint[]), CAST(:lease_seconds AS double precision[]))
    WITH ORDINALITY AS p (event_id, connector_id, connector_version, kind, trigger, contract_id, business_unit,
                          content_type, body, error, ordered, position, lease_seconds, n)
), made AS (
  INSERT INTO outbox.delivery (event_id, connector_id, connector_version, kind, trigger, contract_id, business_unit,
                               content_type, body)
  SELECT event_id, connector_id, connector_version, kind, trigger, contract_id, business_unit, content_type, body
  FROM planned
  ON CONFLICT DO NOTHING
  RETURNING event_id, connector_id
), dead AS (
  INSERT INTO outbox.attempt (event_id, connector_id, number, kind, connector_version, started_at, outcome, error,
                              worker, settled)
  SELECT p.event_id, p.connector_id, 1, 'auto', p.connector_version, clock_timestamp(), 'report', p.error, :worker, 'dead'
  FROM made JOIN planned p USING (event_id, connector_id)
  WHERE p.error IS NOT NULL
), opened AS (
  SELECT p.*, row_number() OVER (PARTITION BY p.connector_id, p.contract_id ORDER BY p.n) AS place
  FROM made JOIN planned p USING (event_id, connector_id)
  WHERE p.error IS NULL
), placed AS (
  SELECT o.*, NOT o.ordered OR (o.place = 1 AND NOT EXISTS (
           SELECT FROM outbox.queue q WHERE q.contract_id = o.contract_id AND q.connector_id = o.connector_id)) AS ready
  FROM opened o
), queued AS (
  INSERT INTO outbox.queue (connector_id, event_id, contract_id, position, ready, due_at, attempts, tries, lease_token,
                            lease_worker, leased_at)
  SELECT p.connector_id, p.event_id, p.contract_id, coalesce(p.position, nextval('outbox.queue_position')), p.ready,
         clock_timestamp() + make_interval(secs => CASE WHEN p.leased THEN p.lease_seconds ELSE 0 END),
         CAST(p.leased AS integer), CAST(p.leased AS integer), CASE WHEN p.leased THEN CAST(:token AS bigint) END,
         CASE WHEN p.leased THEN :worker END, CASE WHEN p.leased THEN clock_timestamp() END
  FROM (SELECT placed.*, ready AND lease_seconds IS NOT NULL AS leased FROM placed ORDER BY n) AS p
  RETURNING connector_id, event_id, lease_token
)
SELECT m.event_id, m.connector_id, q.lease_token IS NOT NULL AS leased
FROM made m
LEFT JOIN queued q ON q.event_id = m.event_id AND q.connector_id = m.connector_id
