-- Every routing decision: for one connector, or for the event itself where it holds for all. LEFT JOIN, so that where the
-- words are not asked for the event is not read.
CREATE OR REPLACE VIEW outbox_audit.decisions AS
SELECT n.event_id, c.name AS connector, n.connector_id, n.connector_version, n.reason, n.into_event_id, n.reread,
       n.decided_at,
       outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread) AS words
FROM outbox.decision n
LEFT JOIN outbox.event e ON e.id = n.event_id
LEFT JOIN outbox.connector c ON c.id = n.connector_id;
COMMENT ON VIEW outbox_audit.decisions IS
  'Who gets an event and who does not, as it was decided. Filter by event_id; not_sent has what was decided against.';
COMMENT ON COLUMN outbox_audit.decisions.event_id IS 'The event.';
COMMENT ON COLUMN outbox_audit.decisions.connector IS 'For whom, by its present name; NULL where it holds for all.';
COMMENT ON COLUMN outbox_audit.decisions.connector_id IS 'The connector; NULL where it holds for all.';
COMMENT ON COLUMN outbox_audit.decisions.connector_version IS 'The connector''s version that was decided by.';
COMMENT ON COLUMN outbox_audit.decisions.reason IS
  'deliver, backfill, trigger_not_chosen, discarded; for all: no_connector, no_business_unit, coalesced, unchanged, contract_gone, erased.';
COMMENT ON COLUMN outbox_audit.decisions.into_event_id IS 'Of coalesced: the event that is reported in its place.';
COMMENT ON COLUMN outbox_audit.decisions.reread IS
  'Whether the document was read again, since a concurrent transaction changed the contract.';
COMMENT ON COLUMN outbox_audit.decisions.decided_at IS 'When.';
COMMENT ON COLUMN outbox_audit.decisions.words IS 'The decision in words.';
