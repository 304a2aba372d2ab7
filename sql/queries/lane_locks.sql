-- Lane locks: the buckets of these contracts, each once and in order, so that two who take several never deadlock.
-- A statement of its own: whoever waited here must see, in the next statement, what the holder committed.
-- 1,024 buckets bound what this can take from the server's lock table.
SELECT pg_advisory_xact_lock(7231002, bucket)
FROM (SELECT DISTINCT hashtext(contract_id) & 1023 AS bucket
      FROM unnest(CAST(:contract_ids AS text[])) AS contract (contract_id)
      ORDER BY bucket) AS wanted
