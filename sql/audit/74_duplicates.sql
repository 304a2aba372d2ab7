-- Deliveries that their receiver may have got twice: starts from the last try that may have arrived, by the index on
-- what was not a success at the first try, and looks for an earlier one. Lost and late of one number are one try.
-- CASE: of plain comparisons the planner expects that hardly a row holds, and would read and sort all for a limit.
CREATE OR REPLACE VIEW outbox_audit.duplicates AS
SELECT t.event_id, c.name AS connector, d.contract_id, d.trigger, d.business_unit, a.arrivals, a.confirmed, a.replays,
       a.first_at, t.started_at AS last_at, a.outcomes, t.connector_id
FROM outbox.attempt t
JOIN outbox.delivery d ON d.event_id = t.event_id AND d.connector_id = t.connector_id
JOIN outbox.connector c ON c.id = t.connector_id
CROSS JOIN LATERAL (
  SELECT count(DISTINCT o.number) AS arrivals,
         count(DISTINCT o.number) FILTER (WHERE o.status_code BETWEEN 200 AND 299) AS confirmed,
         count(DISTINCT o.number) FILTER (WHERE o.kind = 'replay') AS replays,
         min(o.started_at) AS first_at, max(o.number) AS last_number,
         array_agg(o.outcome ORDER BY o.number, o.late) AS outcomes
  FROM outbox.attempt o
  WHERE o.event_id = t.event_id AND o.connector_id = t.connector_id
    AND outbox_audit.may_have_arrived(o.outcome, o.settled)) AS a
WHERE t.number > 1 AND NOT t.late AND d.kind <> 'test'
  AND CASE WHEN t.number = a.last_number AND a.arrivals > 1 THEN true ELSE false END
  AND outbox_audit.may_have_arrived(t.outcome, t.settled);
COMMENT ON VIEW outbox_audit.duplicates IS
  'Deliveries of which more than one attempt may have reached the receiver; webhook-id lets it tell. Filter by last_at, connector_id or contract_id.';
COMMENT ON COLUMN outbox_audit.duplicates.event_id IS 'The event; with the connector it is the delivery.';
COMMENT ON COLUMN outbox_audit.duplicates.connector IS 'Whose receiver may have got it twice.';
COMMENT ON COLUMN outbox_audit.duplicates.contract_id IS 'The contract.';
COMMENT ON COLUMN outbox_audit.duplicates.trigger IS 'The event''s trigger.';
COMMENT ON COLUMN outbox_audit.duplicates.business_unit IS 'The contract''s business unit.';
COMMENT ON COLUMN outbox_audit.duplicates.arrivals IS
  'Attempts that may have arrived: ok, http_error, timeout, protocol, lost, late, interrupted; lost and late of one number count once.';
COMMENT ON COLUMN outbox_audit.duplicates.confirmed IS 'How many of them the receiver answered with 2xx, also too late: above 1 it certainly got it twice.';
COMMENT ON COLUMN outbox_audit.duplicates.replays IS 'How many of them a person asked for.';
COMMENT ON COLUMN outbox_audit.duplicates.first_at IS 'Start of the first of them.';
COMMENT ON COLUMN outbox_audit.duplicates.last_at IS 'Start of the last of them.';
COMMENT ON COLUMN outbox_audit.duplicates.outcomes IS 'Their outcomes, in order.';
COMMENT ON COLUMN outbox_audit.duplicates.connector_id IS 'The connector.';
