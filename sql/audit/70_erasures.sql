-- What was erased: one row for each deed, with how much it took; the content itself is nowhere any more.
CREATE OR REPLACE VIEW outbox_audit.erasures AS
SELECT r.id AS erasure_id, r.contract_id, r.erased_at, r.erased_by, r.login, r.reason, r.events, r.deliveries, r.attempts,
       r.notes, r.cancelled, r.capture_errors, r.unclear_errors
FROM outbox.erasure r;
COMMENT ON VIEW outbox_audit.erasures IS
  'Whose content was erased, when, by whom and why. What stays: ids, times, triggers, states, outcomes.';
COMMENT ON COLUMN outbox_audit.erasures.erasure_id IS 'Its number.';
COMMENT ON COLUMN outbox_audit.erasures.contract_id IS 'The contract; later changes of it are captured as ever.';
COMMENT ON COLUMN outbox_audit.erasures.erased_at IS 'When (database clock).';
COMMENT ON COLUMN outbox_audit.erasures.erased_by IS 'Who asked for it, as the command was told.';
COMMENT ON COLUMN outbox_audit.erasures.login IS 'The database login that ran it.';
COMMENT ON COLUMN outbox_audit.erasures.reason IS 'Why, in the words of who asked for it.';
COMMENT ON COLUMN outbox_audit.erasures.events IS 'Events whose document, changed and detail were taken out.';
COMMENT ON COLUMN outbox_audit.erasures.deliveries IS 'Deliveries whose report was taken out.';
COMMENT ON COLUMN outbox_audit.erasures.attempts IS 'Attempts whose answer and words were taken out.';
COMMENT ON COLUMN outbox_audit.erasures.notes IS 'Events that were not routed yet, and never will be.';
COMMENT ON COLUMN outbox_audit.erasures.cancelled IS 'Deliveries that waited and were cancelled.';
COMMENT ON COLUMN outbox_audit.erasures.capture_errors IS 'Capture errors whose rows were taken out; they are not recaptured.';
COMMENT ON COLUMN outbox_audit.erasures.unclear_errors IS
  'Capture errors that waited then and of which nobody could tell the contract: recapture them, and erase again.';
