-- The field names of the companies of the newest events: a sample, bounded by the events it looks at.
WITH newest AS MATERIALIZED (
  SELECT document -> 'company' AS company FROM outbox.event ORDER BY id DESC LIMIT 200
), named AS (
  SELECT DISTINCT one.id
  FROM newest
  CROSS JOIN LATERAL jsonb_array_elements_text(
    CASE jsonb_typeof(company) WHEN 'array' THEN company ELSE jsonb_build_array(company) END) AS one (id)
  WHERE company IS NOT NULL AND one.id IS NOT NULL
)
SELECT DISTINCT field
FROM outbox.read_company(ARRAY(SELECT id FROM named)) AS c
CROSS JOIN LATERAL jsonb_object_keys(c.fields) AS field
ORDER BY field
