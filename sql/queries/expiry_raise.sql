-- Raises what is due, oldest first: mark, event and note in one statement, so that the contract is open, its deadline
-- passed and its document read in one snapshot. Whoever marks a deadline first raises it; marks are made in one order.
-- The capture trigger on the inbox is told (outbox.noted) that these notes have their events.
WITH due AS MATERIALIZED (
  SELECT e.contract_id, e.subject, e.deadline, e.detail, e.floor, nextval('outbox.event_id') AS event_id
  FROM outbox.expiring(CAST(:after AS timestamptz), CAST(:until AS timestamptz), CAST(:most AS integer)) AS e
), marked AS (
  INSERT INTO outbox.expiry (contract_id, subject, deadline, event_id)
  SELECT d.contract_id, d.subject, d.deadline, d.event_id FROM due AS d ORDER BY d.contract_id, d.subject, d.deadline
  ON CONFLICT DO NOTHING
  RETURNING event_id
), written AS (
  INSERT INTO outbox.event (id, occurred_at, xid, snapshot, trigger, contract_id, business_unit, status, detail, document)
  SELECT d.event_id, d.deadline, pg_current_xact_id(), f.snapshot, 'expired', d.contract_id, f.business_unit, f.status,
         d.detail, f.document
  FROM due AS d
  JOIN marked AS m ON m.event_id = d.event_id
  JOIN outbox.find_contracts(ARRAY(SELECT DISTINCT u.contract_id FROM due AS u)) AS f ON f.contract_id = d.contract_id
  WHERE f.standing = 'found'
  ORDER BY d.event_id
  RETURNING id, occurred_at, contract_id, detail
), noted AS (
  INSERT INTO outbox.inbox (event_id, occurred_at, trigger, contract_id, detail)
  SELECT w.id, w.occurred_at, 'expired', w.contract_id, w.detail FROM written AS w
  RETURNING event_id
)
SELECT (SELECT count(*) FROM due) AS found, n.raised, n.first_event, n.last_event, (SELECT max(d.floor) FROM due AS d) AS floor,
       CASE WHEN n.raised > 0 THEN
         set_config('outbox.noted', concat_ws('/', pg_current_xact_id(), n.last_event + 1, n.last_event), true) END AS noted,
       CASE WHEN n.raised > 0 THEN CAST(outbox.wake('notify') AS text) END AS woken
FROM (SELECT count(*) AS raised, min(event_id) AS first_event, max(event_id) AS last_event FROM noted) AS n
