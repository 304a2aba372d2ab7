-- What capture could not read, without the rows that it kept for `outbox recapture`: they may hold columns that no report
-- has. The message stays: it is what tells the fault, and whoever reads these views reads documents too; erasing takes it.
CREATE OR REPLACE VIEW outbox_audit.capture_errors AS
SELECT x.id AS capture_error_id, x.occurred_at, x.rule, x.table_name, x.operation, x.trigger, x.contract_id, x.sqlstate,
       x.message, x.recaptured_at, x.event_ids, x.xid AS transaction_id
FROM outbox.capture_error x;
COMMENT ON VIEW outbox_audit.capture_errors IS
  'Changes that a capture rule could not read; `outbox recapture` makes events of them once the mapping is mended. WHERE recaptured_at IS NULL: those that still wait for it.';
COMMENT ON COLUMN outbox_audit.capture_errors.capture_error_id IS 'Its number.';
COMMENT ON COLUMN outbox_audit.capture_errors.occurred_at IS 'When the application''s statement ran.';
COMMENT ON COLUMN outbox_audit.capture_errors.rule IS 'The rule that failed.';
COMMENT ON COLUMN outbox_audit.capture_errors.table_name IS 'The table that was changed; NULL where it failed at commit.';
COMMENT ON COLUMN outbox_audit.capture_errors.operation IS 'INSERT, UPDATE, DELETE or TRUNCATE; NULL where it failed at commit.';
COMMENT ON COLUMN outbox_audit.capture_errors.trigger IS 'The trigger that the rule raises, where it is known.';
COMMENT ON COLUMN outbox_audit.capture_errors.contract_id IS 'The contract, where it is known.';
COMMENT ON COLUMN outbox_audit.capture_errors.sqlstate IS 'PostgreSQL''s code of the error.';
COMMENT ON COLUMN outbox_audit.capture_errors.message IS
  'PostgreSQL''s words, which may quote a value of the changed row; `erased` where the contract''s content was erased.';
COMMENT ON COLUMN outbox_audit.capture_errors.recaptured_at IS 'When it was captured after all, or erased; NULL while it waits.';
COMMENT ON COLUMN outbox_audit.capture_errors.event_ids IS 'The events that were made of it.';
COMMENT ON COLUMN outbox_audit.capture_errors.transaction_id IS 'The application''s transaction.';
