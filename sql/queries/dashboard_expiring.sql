-- Deadlines of the next day that raised nothing yet (of more than 10,000 no more are counted), and the first of them; of
-- somebody who is limited those whose contract belongs to their units as things stand.
SELECT count(*) AS deadlines, min(n.deadline) AS first_at
FROM (
  SELECT e.deadline
  FROM outbox.expiring(clock_timestamp(), clock_timestamp() + interval '24 hours', 10001) AS e
  WHERE CAST(:within AS text[]) IS NULL OR EXISTS (
    SELECT FROM outbox.read_contract(e.contract_id) AS c WHERE c.business_unit = ANY (CAST(:within AS text[])))) AS n
