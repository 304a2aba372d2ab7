-- Deadlines of a contract that were raised, latest first.
SELECT x.deadline, nullif(x.subject, '') AS subject, x.event_id, x.raised_at
FROM outbox.expiry AS x
LEFT JOIN outbox.event AS e ON e.id = x.event_id
WHERE x.contract_id = CAST(:contract AS text)
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
ORDER BY x.deadline DESC
LIMIT CAST(:most AS integer)
