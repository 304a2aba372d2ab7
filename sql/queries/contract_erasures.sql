-- When a contract's content was erased. An erasure takes what all business units reported of it: who is limited to some
-- sees it by their events.
SELECT r.erased_at, r.erased_by, r.reason, r.events, r.deliveries, r.attempts
FROM outbox.erasure AS r
WHERE r.contract_id = CAST(:contract AS text) AND CAST(:within AS text[]) IS NULL
ORDER BY r.erased_at DESC
LIMIT CAST(:most AS integer)
