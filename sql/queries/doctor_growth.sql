-- What the outbox takes now, the last sample's size of the database, growth in the last day and a day in the week before.
WITH last AS (
  SELECT g.sampled_at, g.outbox_bytes, g.database_bytes FROM outbox.growth AS g ORDER BY g.sampled_at DESC LIMIT 1
), day AS (
  SELECT g.sampled_at, g.outbox_bytes, g.database_bytes FROM outbox.growth AS g, last AS l
  WHERE g.sampled_at <= l.sampled_at - interval '1 day' ORDER BY g.sampled_at DESC LIMIT 1
), week AS (
  SELECT g.sampled_at, g.outbox_bytes, g.database_bytes FROM outbox.growth AS g, last AS l
  WHERE g.sampled_at >= l.sampled_at - interval '8 days' ORDER BY g.sampled_at LIMIT 1
)
SELECT (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname = 'outbox' AND c.relkind = 'r') AS bytes,
       l.database_bytes,
       CAST((l.outbox_bytes - d.outbox_bytes) / (extract(epoch FROM l.sampled_at - d.sampled_at) / 86400) AS double precision) AS a_day,
       CAST((d.outbox_bytes - w.outbox_bytes) / nullif(extract(epoch FROM d.sampled_at - w.sampled_at) / 86400, 0)
            AS double precision) AS a_day_before
FROM (SELECT) AS one LEFT JOIN last AS l ON true LEFT JOIN day AS d ON true LEFT JOIN week AS w ON w.sampled_at < d.sampled_at
