-- Everything about a contract, in order: each event with what changed, each decision, each replay that was asked for,
-- each attempt, each erasure. Filters on contract_id reach the indexes of all; at one instant they stand in this order.
CREATE OR REPLACE VIEW outbox_audit.contract_timeline AS
SELECT e.contract_id, e.occurred_at AS at, 'event' AS what, e.id AS event_id, NULL::text AS connector,
       concat_ws(': ', e.trigger, nullif(concat_ws('; ',
         (SELECT string_agg(CASE jsonb_typeof(x.value)
                              WHEN 'array' THEN format('%s %s -> %s', x.key, x.value -> 0, x.value -> 1)
                              ELSE x.key || ' changed' END, '; ' ORDER BY x.key)
          FROM jsonb_each(e.changed) AS x),
         e.detail::text), '')) AS words,
       e.trigger, NULL::integer AS number, NULL::text AS outcome, e.changed, 1 AS hop, NULL::integer AS connector_id,
       e.business_unit
FROM outbox.event e
UNION ALL
SELECT e.contract_id, n.decided_at, 'decision', n.event_id, c.name,
       outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread),
       e.trigger, NULL, NULL, NULL, 2, n.connector_id, e.business_unit
FROM outbox.event e
JOIN outbox.decision n ON n.event_id = e.id
LEFT JOIN outbox.connector c ON c.id = n.connector_id
UNION ALL
SELECT e.contract_id, r.asked_at, 'replay', r.event_id, c.name,
       concat('replay asked for by ', r.asked_by, CASE r.verdict WHEN 'again' THEN ': to be sent again'
                                                    ELSE ': its next attempt made now' END),
       e.trigger, NULL, NULL, NULL, 3, r.connector_id, e.business_unit
FROM outbox.event e
JOIN outbox.replay r ON r.event_id = e.id
JOIN outbox.connector c ON c.id = r.connector_id
UNION ALL
SELECT d.contract_id, t.started_at, 'attempt', t.event_id, c.name,
       concat(CASE t.kind WHEN 'auto' THEN '' ELSE t.kind || ', ' END, 'attempt ', t.number, ': ', t.outcome,
              ' ' || t.status_code, ' in ' || round(t.duration_ms) || ' ms', ': ' || t.error, '; ' || t.settled),
       d.trigger, t.number, t.outcome, NULL, 4, t.connector_id, d.business_unit
FROM outbox.delivery d
JOIN outbox.attempt t ON t.event_id = d.event_id AND t.connector_id = d.connector_id
JOIN outbox.connector c ON c.id = d.connector_id
UNION ALL
SELECT r.contract_id, r.erased_at, 'erasure', NULL, NULL,
       concat('content erased by ', r.erased_by, ': ', r.reason, CASE WHEN r.cancelled > 0 THEN '; deliveries cancelled: ' || r.cancelled END),
       NULL, NULL, NULL, NULL, 5, NULL, NULL
FROM outbox.erasure r
ORDER BY contract_id, at, event_id, hop, connector_id, number;
COMMENT ON VIEW outbox_audit.contract_timeline IS
  'Everything about a contract, in order: WHERE contract_id = ''...''. One row for each event, decision, replay, attempt and erasure.';
COMMENT ON COLUMN outbox_audit.contract_timeline.at IS 'When it happened.';
COMMENT ON COLUMN outbox_audit.contract_timeline.what IS 'event, decision, replay, attempt or erasure.';
COMMENT ON COLUMN outbox_audit.contract_timeline.words IS 'What happened: columns with old -> new, a decision''s reason, an attempt''s answer, who erased and why.';
COMMENT ON COLUMN outbox_audit.contract_timeline.hop IS 'Order among what happened at one instant.';
COMMENT ON COLUMN outbox_audit.contract_timeline.contract_id IS 'The contract.';
COMMENT ON COLUMN outbox_audit.contract_timeline.event_id IS 'The event that it is about; NULL of an erasure, which is about all of them.';
COMMENT ON COLUMN outbox_audit.contract_timeline.connector IS 'The connector''s present name; NULL of an event, of a decision for all, and of an erasure.';
COMMENT ON COLUMN outbox_audit.contract_timeline.trigger IS 'The event''s trigger; NULL of an erasure.';
COMMENT ON COLUMN outbox_audit.contract_timeline.number IS 'Of an attempt: its number.';
COMMENT ON COLUMN outbox_audit.contract_timeline.outcome IS 'Of an attempt: ok, http_error, ..., as in attempts.';
COMMENT ON COLUMN outbox_audit.contract_timeline.changed IS 'Of an event: column -> [old, new].';
COMMENT ON COLUMN outbox_audit.contract_timeline.connector_id IS 'The connector; NULL as connector is.';
COMMENT ON COLUMN outbox_audit.contract_timeline.business_unit IS
  'The contract''s business unit when the event was captured; NULL where it had none, and of an erasure.';
