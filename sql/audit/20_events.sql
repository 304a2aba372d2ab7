-- Every captured occurrence: one row an event, nothing joined that could leave one out or double it.
CREATE OR REPLACE VIEW outbox_audit.events AS
SELECT e.id AS event_id, e.occurred_at, e.trigger, e.contract_id, e.business_unit, e.status, e.changed, e.detail,
       e.document, e.xid AS transaction_id,
       (SELECT d.into_event_id FROM outbox.decision d WHERE d.event_id = e.id AND d.reason = 'coalesced' LIMIT 1)
         AS coalesced_into,
       (SELECT min(d.decided_at) FROM outbox.decision d WHERE d.event_id = e.id) AS routed_at,
       EXISTS (SELECT FROM outbox.inbox i WHERE i.event_id = e.id) AS awaits_routing
FROM outbox.event e;
COMMENT ON VIEW outbox_audit.events IS
  'Every captured occurrence of create, update, send, review or expired. Filter by contract_id, business_unit, event_id or occurred_at; page by event_id, or by occurred_at and event_id within a stretch of time.';
COMMENT ON COLUMN outbox_audit.events.event_id IS 'Its number; a contract''s events are numbered in the order of their row locks.';
COMMENT ON COLUMN outbox_audit.events.occurred_at IS 'When the application''s statement ran (database clock).';
COMMENT ON COLUMN outbox_audit.events.trigger IS 'create, update, send, review or expired.';
COMMENT ON COLUMN outbox_audit.events.contract_id IS 'The contract, as text whatever its key''s type.';
COMMENT ON COLUMN outbox_audit.events.business_unit IS 'Owner of the contract; NULL where it has none, or was gone at commit.';
COMMENT ON COLUMN outbox_audit.events.status IS 'The contract''s status at commit.';
COMMENT ON COLUMN outbox_audit.events.changed IS 'Column -> [old, new]; column -> null where it changed and its values are not kept.';
COMMENT ON COLUMN outbox_audit.events.detail IS 'What belongs to this occurrence alone, such as the recipient of an e-mail.';
COMMENT ON COLUMN outbox_audit.events.document IS 'The contract as the mapping''s query gave it at commit; NULL where it was gone.';
COMMENT ON COLUMN outbox_audit.events.transaction_id IS 'The application''s transaction.';
COMMENT ON COLUMN outbox_audit.events.coalesced_into IS 'The event of the same transaction that is reported in its place.';
COMMENT ON COLUMN outbox_audit.events.routed_at IS 'When it was decided who gets it; NULL while it waits for that.';
COMMENT ON COLUMN outbox_audit.events.awaits_routing IS 'Whether its note stands in the inbox: who gets it is not decided yet.';
