-- One sample of what the outbox and the whole database take; those of more than a year ago go.
WITH old AS (
  DELETE FROM outbox.growth WHERE sampled_at < clock_timestamp() - interval '400 days'
)
INSERT INTO outbox.growth (outbox_bytes, database_bytes)
SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0), pg_database_size(current_database())
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname = 'outbox' AND c.relkind = 'r'
