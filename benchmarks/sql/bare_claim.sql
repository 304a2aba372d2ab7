-- Takes the next batch.
WITH pick AS MATERIALIZED (
  SELECT id FROM bare.queue WHERE NOT leased ORDER BY id LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE bare.queue q SET leased = true FROM pick p WHERE q.id = p.id RETURNING q.id, q.url, q.document
