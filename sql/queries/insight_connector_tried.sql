-- What came of the attempts of these connectors since a moment, in sight: by the index on time, which has the connector in
-- it, so that others' attempts are not read. Tests, late ones and what was cancelled are no tries.
SELECT t.connector_id, count(*) AS attempts, count(*) FILTER (WHERE t.outcome = 'ok') AS ok,
       max(t.started_at) AS last_at, (array_agg(t.outcome ORDER BY t.started_at DESC, t.event_id DESC))[1] AS last_outcome,
       (array_agg(t.status_code ORDER BY t.started_at DESC, t.event_id DESC))[1] AS last_status
FROM outbox.attempt AS t
WHERE t.started_at > now() - interval '24 hours' AND t.connector_id = ANY (CAST(:connector_ids AS integer[]))
  AND t.kind <> 'test' AND NOT t.late AND t.settled IS DISTINCT FROM 'cancelled'
  AND (CAST(:within AS text[]) IS NULL OR (
    SELECT d.business_unit FROM outbox.delivery AS d WHERE d.event_id = t.event_id AND d.connector_id = t.connector_id
    OFFSET 0) = ANY (CAST(:within AS text[])))
GROUP BY t.connector_id
