-- Connectors that somebody may see, a page in order: by group, then by name. A removed one only where that is asked for. Of
-- its business units those in sight alone, and `shared` where it has others: what those get is nobody's here to see. Why
-- it is held may quote what went to them, so a shared one's reason is left out.
SELECT g.place, g.name AS group_name, c.connector_id, c.connector, c.version, c.state, s.shared,
       CASE WHEN c.state = 'disabled' OR NOT s.shared THEN c.state_reason END AS state_reason, c.state_since,
       c.next_probe_at, s.units AS business_units, '*' = ANY (c.business_units) AS for_all, c.triggers, c.url, c.ssl_verification, c.discard
FROM outbox_audit.connectors AS c
CROSS JOIN LATERAL (
  SELECT coalesce(array_agg(u.id ORDER BY u.n) FILTER (WHERE u.sees AND u.id <> '*'), '{}') AS units, NOT bool_and(u.sees) AS shared
  FROM (SELECT i.id, i.n, CAST(:within AS text[]) IS NULL OR i.id = ANY (CAST(:within AS text[])) AS sees
        FROM unnest(c.business_units) WITH ORDINALITY AS i (id, n)) AS u) AS s
CROSS JOIN LATERAL (
  SELECT '' AS place, '' AS name WHERE CAST(:grouping AS text) = 'none'
  UNION ALL
  SELECT CAST(array_position(ARRAY['held', 'disabled', 'enabled', 'removed'], c.state) AS text), c.state
  WHERE CAST(:grouping AS text) = 'state'
  UNION ALL
  SELECT u.id, u.id
  FROM unnest(CASE WHEN '*' = ANY (c.business_units) THEN ARRAY['*'] ELSE s.units END) AS u (id)
  WHERE CAST(:grouping AS text) = 'business_unit'
  UNION ALL
  SELECT CAST(array_position(ARRAY['create', 'update', 'send', 'review', 'expired'], t.name) AS text), t.name
  FROM unnest(c.triggers) AS t (name)
  WHERE CAST(:grouping AS text) = 'trigger') AS g
WHERE (CAST(:within AS text[]) IS NULL OR c.business_units && (CAST(:within AS text[]) || CAST('*' AS text)))
  AND (CASE WHEN CAST(:state AS text) IS NULL THEN c.state <> 'removed' ELSE c.state = CAST(:state AS text) END)
  AND (CAST(:business_unit AS text) IS NULL OR c.business_units && ARRAY[CAST(:business_unit AS text), '*'])
  AND (CAST(:trigger AS text) IS NULL OR CAST(:trigger AS text) = ANY (c.triggers))
  AND (CAST(:words AS text) IS NULL OR strpos(lower(c.connector), lower(CAST(:words AS text))) > 0
       OR strpos(lower(c.url), lower(CAST(:words AS text))) > 0)
  AND (CAST(:after_id AS integer) IS NULL
       OR (g.place, c.connector, c.connector_id) > (CAST(:after_place AS text), CAST(:after_name AS text), CAST(:after_id AS integer)))
ORDER BY g.place, c.connector, c.connector_id
LIMIT :most
