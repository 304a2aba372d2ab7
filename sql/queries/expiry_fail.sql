-- Records the oldest due deadline, whose contract can't be read: it is left out from now on, until `outbox recapture`.
SELECT f.contract_id
FROM outbox.record_due(CAST(:after AS timestamptz), CAST(:until AS timestamptz), :sqlstate, :message) AS f (contract_id)
