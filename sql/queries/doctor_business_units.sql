-- Business units that connectors name and the source does not have.
SELECT c.name AS connector, u.unit
FROM outbox.connector AS c
CROSS JOIN LATERAL unnest(c.business_units) AS u (unit)
WHERE c.removed_at IS NULL AND u.unit <> '*'
  AND u.unit NOT IN (SELECT b.business_unit FROM outbox.business_units() AS b WHERE b.business_unit IS NOT NULL)
ORDER BY c.name, u.unit
