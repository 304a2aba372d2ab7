-- Writes what came of a batch.
WITH result AS MATERIALIZED (
  SELECT * FROM unnest(CAST(%(ids)s AS bigint[]), CAST(%(statuses)s AS integer[])) AS r (id, status)
), gone AS (
  DELETE FROM bare.queue q USING result r WHERE q.id = r.id
)
INSERT INTO bare.attempt (id, status) SELECT id, status FROM result
