-- The contract ids from this one on, each once: the next is looked for from the last one, so that one with many events
-- costs no more than one with few. `seen`: whether there is an event of it to see, looked for among its own (OFFSET 0),
-- not among those of the business units.
WITH RECURSIVE step AS (
  (SELECT e.contract_id, 1 AS number FROM outbox.event AS e
   WHERE e.contract_id >= CAST(:start AS text) ORDER BY e.contract_id LIMIT 1)
  UNION ALL
  SELECT (SELECT e.contract_id FROM outbox.event AS e
          WHERE e.contract_id > s.contract_id ORDER BY e.contract_id LIMIT 1), s.number + 1
  FROM step AS s
  WHERE s.contract_id IS NOT NULL AND s.number < CAST(:most AS integer)
)
SELECT s.contract_id,
       CAST(:within AS text[]) IS NULL
       OR EXISTS (SELECT FROM (SELECT e.business_unit FROM outbox.event AS e
                               WHERE e.contract_id = s.contract_id OFFSET 0) AS its
                  WHERE its.business_unit = ANY (CAST(:within AS text[]))) AS seen
FROM step AS s
WHERE s.contract_id IS NOT NULL
ORDER BY s.number
