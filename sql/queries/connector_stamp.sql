-- A text that differs as soon as any connector was added, changed or removed: xmin moves with every committed
-- write, whoever wrote it, where a newest time would miss a transaction that commits after a later one.
SELECT coalesce(md5(string_agg(c.id || ':' || CAST(c.xmin AS text), ',' ORDER BY c.id)), 'none') AS stamp
FROM outbox.connector AS c
WHERE c.removed_at IS NULL
