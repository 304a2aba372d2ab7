-- A decision in words for people; every reason that a decision can have has its own.
CREATE OR REPLACE FUNCTION outbox_audit.decision_words(
  reason text, trigger text, business_unit text, into_event_id bigint, reread boolean) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE reason
    WHEN 'deliver' THEN 'to be delivered'
    WHEN 'backfill' THEN 'to be delivered, by backfill'
    WHEN 'trigger_not_chosen' THEN 'not sent: this connector did not have the trigger ' || trigger
    WHEN 'discarded' THEN 'not sent: this connector was disabled, its deliveries to be discarded'
    WHEN 'no_connector' THEN 'not sent: no connector for business unit ' || coalesce(business_unit, '(none)')
    WHEN 'no_business_unit' THEN 'not sent: the contract has no business unit'
    WHEN 'coalesced' THEN 'not sent by itself: part of event ' || into_event_id
    WHEN 'unchanged' THEN 'not sent: in the end its transaction changed nothing'
    WHEN 'contract_gone' THEN 'not sent: the contract was deleted before its document could be read'
    WHEN 'erased' THEN 'not sent: its content was erased before it was routed'
    ELSE reason
  END || CASE WHEN reread THEN '; document read again, since a concurrent transaction changed the contract' ELSE '' END
$$;
COMMENT ON FUNCTION outbox_audit.decision_words(text, text, text, bigint, boolean) IS 'A routing decision in words.';
