-- Records the oldest due deadline, whose contract can't be read: it is left out from now on, until `outbox recapture`.
INSERT INTO outbox.capture_error (occurred_at, rule, trigger, contract_id, detail, sqlstate, message)
SELECT e.deadline, 'expired', 'expired', e.contract_id, e.detail, :sqlstate, outbox.redacted(:message, :sqlstate)
FROM outbox.expiring(CAST(:after AS timestamptz), CAST(:until AS timestamptz), 1) AS e
RETURNING contract_id
