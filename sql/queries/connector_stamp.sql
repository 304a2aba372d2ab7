-- A text that differs as soon as any connector was added, changed, removed, held or let go: xmin moves with every committed
-- write, whoever wrote it, where a newest time would miss a transaction that commits after a later one.
SELECT coalesce(md5(string_agg(concat_ws(':', c.id, CAST(c.xmin AS text), h.held_at), ',' ORDER BY c.id)), 'none') AS stamp
FROM outbox.connector AS c
LEFT JOIN outbox.health AS h ON h.connector_id = c.id
WHERE c.removed_at IS NULL
