-- Takes the lane locks of these contracts that nobody holds, and says which: a contract is routed by one worker at
-- a time, and settles wait for it. A statement of its own, so that the next one sees all that the last holder did.
SELECT wanted.contract_id
FROM unnest(CAST(:contract_ids AS text[])) AS wanted (contract_id)
WHERE pg_try_advisory_xact_lock(7231002, hashtext(wanted.contract_id) & 1023)
