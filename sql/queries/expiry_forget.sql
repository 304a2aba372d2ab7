-- Nothing is looked for any more; what was raised stays on record.
DELETE FROM outbox.expiry_scan
