-- The rights that a role lacks to run, or with which capture writes; by the catalogue alone, which everybody may read.
-- Of a fact the parent counts: what goes through it needs no right on a partition.
WITH needed (purpose, kind, object, rights) AS (VALUES
  ('run', 'schema', 'outbox', 'USAGE'), ('run', 'schema', 'outbox_audit', 'USAGE'),
  ('run', 'table', 'migration', 'SELECT'), ('run', 'table', 'source', 'SELECT'),
  ('run', 'table', 'inbox', 'SELECT,DELETE'), ('run', 'table', 'event', 'SELECT'),
  ('run', 'table', 'decision', 'SELECT,INSERT'), ('run', 'table', 'delivery', 'SELECT,INSERT'),
  ('run', 'table', 'attempt', 'SELECT,INSERT'), ('run', 'table', 'replay', 'SELECT'),
  ('run', 'table', 'queue', 'SELECT,INSERT,UPDATE,DELETE'), ('run', 'table', 'share', 'SELECT,INSERT,UPDATE,DELETE'),
  ('run', 'table', 'worker', 'SELECT,INSERT,UPDATE,DELETE'), ('run', 'table', 'health', 'SELECT,INSERT,UPDATE,DELETE'),
  ('run', 'table', 'periodic', 'SELECT,INSERT,UPDATE'), ('run', 'table', 'connector', 'SELECT,UPDATE'),
  ('run', 'table', 'connector_version', 'SELECT,INSERT'), ('run', 'table', 'capture_error', 'SELECT'),
  ('run', 'sequence', 'event_id', 'USAGE'), ('run', 'sequence', 'queue_position', 'USAGE'),
  ('run', 'sequence', 'filtered', 'SELECT'),
  ('run', 'table', 'expiry', 'SELECT'), ('run', 'table', 'expiry_scan', 'SELECT,UPDATE'),
  ('run', 'table', 'alert', 'SELECT,INSERT,UPDATE'), ('run', 'table', 'growth', 'SELECT,INSERT,DELETE'),
  ('run', 'table', 'connector_day', 'SELECT,INSERT'), ('run', 'table', 'pruned', 'SELECT'), ('run', 'table', 'retention', 'SELECT'),
  ('run', 'function', 'raise_due', 'EXECUTE'), ('run', 'function', 'record_due', 'EXECUTE'),
  ('run', 'function', 'make_ahead', 'EXECUTE'), ('run', 'function', 'sweep_strays', 'EXECUTE'),
  ('run', 'function', 'adopt_begin', 'EXECUTE'), ('run', 'function', 'adopt_validate', 'EXECUTE'),
  ('run', 'function', 'adopt_finish', 'EXECUTE'),
  ('run', 'function', 'prunable', 'EXECUTE'), ('run', 'function', 'prune', 'EXECUTE'),
  ('run', 'function', 'strays', 'EXECUTE'), ('run', 'function', 'expiring', 'EXECUTE'),
  ('run', 'function', 'read_contract', 'EXECUTE'), ('run', 'function', 'read_company', 'EXECUTE'),
  ('run', 'function', 'business_units', 'EXECUTE'), ('run', 'function', 'installed_objects', 'EXECUTE'),
  ('capture', 'schema', 'outbox', 'USAGE'),
  ('capture', 'table', 'inbox', 'SELECT,INSERT,DELETE'), ('capture', 'table', 'event', 'SELECT,INSERT'),
  ('capture', 'table', 'capture_error', 'INSERT'), ('capture', 'table', 'expiry', 'SELECT,INSERT'),
  ('capture', 'table', 'rule', 'SELECT'), ('capture', 'sequence', 'event_id', 'USAGE'),
  ('capture', 'sequence', 'filtered', 'USAGE')
), target AS (
  SELECT 'schema' AS kind, n.nspname AS object, CAST(n.nspname AS text) AS name, n.oid, CAST('' AS text) AS arguments
  FROM pg_namespace AS n
  UNION ALL
  SELECT CASE c.relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, c.relname, format('outbox.%I', c.relname), c.oid, ''
  FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE n.nspname = 'outbox' AND c.relkind IN ('r', 'p', 'S')
  UNION ALL
  SELECT 'function', p.proname, format('outbox.%I', p.proname), p.oid,
         format('(%s)', pg_get_function_identity_arguments(p.oid))
  FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = 'outbox'
)
SELECT n.kind, t.name || t.arguments AS object, quote_ident(CAST(:role AS text)) AS quoted, string_agg(r.wanted, ', ' ORDER BY r.place) AS missing
FROM needed AS n
JOIN target AS t ON t.kind = n.kind AND t.object = n.object
CROSS JOIN LATERAL unnest(string_to_array(n.rights, ',')) WITH ORDINALITY AS r (wanted, place)
WHERE n.purpose = CAST(:purpose AS text)
  AND NOT CASE n.kind WHEN 'schema' THEN has_schema_privilege(CAST(:role AS name), t.oid, r.wanted)
                      WHEN 'table' THEN has_table_privilege(CAST(:role AS name), t.oid, r.wanted)
                      WHEN 'sequence' THEN has_sequence_privilege(CAST(:role AS name), t.oid, r.wanted)
                      ELSE has_function_privilege(CAST(:role AS name), t.oid, r.wanted) END
GROUP BY n.kind, t.name, t.arguments
ORDER BY n.kind, object
