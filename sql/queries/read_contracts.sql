-- The present documents of these contracts, by the installed mapping.
SELECT wanted.contract_id, present.business_unit, present.status, CAST(present.document AS text) AS document
FROM unnest(CAST(:contract_ids AS text[])) AS wanted (contract_id)
CROSS JOIN LATERAL outbox.read_contract(wanted.contract_id) AS present
