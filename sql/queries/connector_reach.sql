-- Which business units and triggers connectors report for now. Who is limited sees of each connector the units that are
-- theirs alone.
SELECT c.id AS connector_id, c.name AS connector, c.triggers, c.enabled, c.discard,
       CASE WHEN CAST(:within AS text[]) IS NULL OR '*' = ANY (c.business_units) THEN c.business_units
            ELSE ARRAY(SELECT unit FROM unnest(c.business_units) AS unit WHERE unit = ANY (CAST(:within AS text[]))) END
         AS business_units,
       CAST(:within AS text[]) IS NULL OR c.business_units <@ CAST(:within AS text[]) AS owned
FROM outbox.connector AS c
WHERE c.removed_at IS NULL
  AND (CAST(:within AS text[]) IS NULL OR '*' = ANY (c.business_units) OR c.business_units && CAST(:within AS text[]))
ORDER BY c.name
