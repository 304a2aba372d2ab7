-- The contracts of the newest events since the mapping was installed: a sample, by primary key from the end.
SELECT DISTINCT e.contract_id
FROM (SELECT n.contract_id, n.occurred_at FROM outbox.event AS n ORDER BY n.id DESC LIMIT 200) AS e
JOIN outbox.source AS s ON s.removed_at IS NULL AND e.occurred_at >= s.installed_at
ORDER BY e.contract_id
