-- A page of the versions of connectors, newest first, each with the one before it. For who is limited to some business
-- units, those versions that report for one of them; of the one before only what it kept while it did.
WITH version AS (
  SELECT v.connector_id, c.name, v.version, v.action, v.changed_at, v.changed_by, v.origin, v.spec,
         coalesce(v.spec -> 'business_units', to_jsonb(c.business_units)) AS units
  FROM outbox.connector_version v
  JOIN outbox.connector c ON c.id = v.connector_id
), seen AS (
  SELECT f.*, CAST(:within AS text[]) IS NULL
              OR f.units ?| (CAST(:within AS text[]) || CAST('*' AS text)) AS shown
  FROM version f
)
SELECT s.connector_id, s.name, s.version, s.action, s.changed_at, s.changed_by, s.origin, CAST(s.spec AS text) AS spec,
       CASE WHEN b.shown THEN CAST(b.spec AS text) END AS before, b.version IS NOT NULL AND NOT b.shown AS came_to_them
FROM seen s
LEFT JOIN seen b ON b.connector_id = s.connector_id AND b.version = s.version - 1
WHERE s.shown
  AND (CAST(:who AS text) IS NULL OR lower(s.changed_by) = lower(CAST(:who AS text)))
  AND (CAST(:connector AS text) IS NULL OR s.name = CAST(:connector AS text))
  AND (CAST(:since AS timestamptz) IS NULL OR s.changed_at >= CAST(:since AS timestamptz))
  AND (CAST(:until AS timestamptz) IS NULL OR s.changed_at < CAST(:until AS timestamptz))
  AND (CAST(:before_at AS timestamptz) IS NULL
       OR (s.changed_at, s.connector_id, s.version) < (CAST(:before_at AS timestamptz), CAST(:before_id AS integer),
                                                       CAST(:before_version AS integer)))
ORDER BY s.changed_at DESC, s.connector_id DESC, s.version DESC
LIMIT :most
