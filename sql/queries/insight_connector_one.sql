-- A connector that somebody may see, removed ones too, as the list has it; no row for others. Why a shared one is held may
-- quote what went to business units that are not in sight, and is left out.
SELECT '' AS place, '' AS group_name, c.connector_id, c.connector, c.version, c.state, s.shared,
       CASE WHEN c.state = 'disabled' OR NOT s.shared THEN c.state_reason END AS state_reason, c.state_since,
       c.next_probe_at, s.units AS business_units, '*' = ANY (c.business_units) AS for_all, c.triggers, c.url,
       c.ssl_verification, c.discard, c.failing_since, CASE WHEN NOT s.shared THEN c.failures END AS failures,
       CASE WHEN NOT s.shared THEN c.last_error END AS last_error
FROM outbox_audit.connectors AS c
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(u.id ORDER BY u.n) FILTER (WHERE u.sees AND u.id <> '*'), '{}') AS units,
         NOT bool_and(u.sees) AS shared
  FROM (SELECT i.id, i.n, CAST(:within AS text[]) IS NULL OR i.id = ANY (CAST(:within AS text[])) AS sees
        FROM unnest(c.business_units) WITH ORDINALITY AS i (id, n)) AS u) AS s
WHERE c.connector_id = :connector_id
  AND (CAST(:within AS text[]) IS NULL OR c.business_units && (CAST(:within AS text[]) || CAST('*' AS text)))
