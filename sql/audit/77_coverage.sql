-- The missed-event detector: what has no event or no delivery. Each branch names its side and finding as constants, so that
-- a filter on them leaves the others unread, the source above all. A filter on day limits the series, and each day is then
-- a stretch of the index on occurred_at. OFFSET 0 keeps look-ups what they are: joined, all facts would be read for a day.
CREATE OR REPLACE VIEW outbox_audit.coverage AS
WITH days AS NOT MATERIALIZED (
  SELECT f.day + n AS day, CAST(f.day + n AS timestamp) AT TIME ZONE 'UTC' AS starts,
         CAST(f.day + n + 1 AS timestamp) AT TIME ZONE 'UTC' AS ends
  FROM (SELECT CAST((SELECT min(e.occurred_at) FROM outbox.event e) AT TIME ZONE 'UTC' AS date) AS day) f
  CROSS JOIN LATERAL generate_series(0, CAST(now() AT TIME ZONE 'UTC' AS date) - f.day + 1) AS n)
SELECT e.business_unit, CAST(e.occurred_at AT TIME ZONE 'UTC' AS date) AS day, 'outbox' AS side, 'not_routed' AS finding,
       count(*) AS found, min(e.contract_id) AS example, 'waits to be routed' AS words
FROM outbox.inbox i
JOIN outbox.event e ON e.id = i.event_id
GROUP BY e.business_unit, CAST(e.occurred_at AT TIME ZONE 'UTC' AS date)
UNION ALL
SELECT a.business_unit, s.day, 'outbox', 'not_decided', a.found, a.example,
       'neither waits to be routed nor was decided'
FROM days s
CROSS JOIN LATERAL (
  SELECT e.business_unit, count(*) AS found, min(e.contract_id) AS example
  FROM outbox.event e
  WHERE e.occurred_at >= s.starts AND e.occurred_at < s.ends
    AND NOT EXISTS (SELECT FROM outbox.decision n WHERE n.event_id = e.id OFFSET 0)
    AND NOT EXISTS (SELECT FROM outbox.inbox i WHERE i.event_id = e.id OFFSET 0)
  GROUP BY e.business_unit) a
UNION ALL
SELECT a.business_unit, s.day, 'outbox', 'no_delivery', a.found, a.example,
       'decided to be delivered, and there is no such delivery'
FROM days s
CROSS JOIN LATERAL (
  SELECT e.business_unit, count(*) AS found, min(e.contract_id) AS example
  FROM outbox.event e
  CROSS JOIN LATERAL (
    SELECT n.connector_id FROM outbox.decision n
    WHERE n.event_id = e.id AND n.reason IN ('deliver', 'backfill')
      AND NOT EXISTS (SELECT FROM outbox.delivery d
                      WHERE d.event_id = n.event_id AND d.connector_id = n.connector_id OFFSET 0)
    OFFSET 0) n
  WHERE e.occurred_at >= s.starts AND e.occurred_at < s.ends
  GROUP BY e.business_unit) a
UNION ALL
SELECT a.business_unit, s.day, 'outbox', 'not_settled', a.found, a.example,
       'a delivery that neither waits nor was settled'
FROM days s
CROSS JOIN LATERAL (
  SELECT e.business_unit, count(*) AS found, min(e.contract_id) AS example
  FROM outbox.event e
  CROSS JOIN LATERAL (
    SELECT d.connector_id FROM outbox.delivery d
    WHERE d.event_id = e.id AND d.kind <> 'test'
      AND NOT EXISTS (SELECT FROM outbox.attempt t
                      WHERE t.event_id = d.event_id AND t.connector_id = d.connector_id AND t.settled IS NOT NULL OFFSET 0)
      AND NOT EXISTS (SELECT FROM outbox.queue q
                      WHERE q.event_id = d.event_id AND q.connector_id = d.connector_id OFFSET 0)
    OFFSET 0) d
  WHERE e.occurred_at >= s.starts AND e.occurred_at < s.ends
  GROUP BY e.business_unit) a
UNION ALL
SELECT a.business_unit, s.day, 'outbox', 'to_nobody', a.found, a.example,
       'decided to go to no connector at all: not_sent says why'
FROM days s
CROSS JOIN LATERAL (
  SELECT e.business_unit, count(*) AS found, min(e.contract_id) AS example
  FROM outbox.event e
  WHERE e.occurred_at >= s.starts AND e.occurred_at < s.ends
    AND EXISTS (SELECT FROM outbox.decision n WHERE n.event_id = e.id OFFSET 0)
    AND NOT EXISTS (SELECT FROM outbox.decision n
                    WHERE n.event_id = e.id AND n.reason IN ('deliver', 'backfill', 'coalesced', 'unchanged', 'erased') OFFSET 0)
  GROUP BY e.business_unit) a
UNION ALL
SELECT NULL, CAST(x.occurred_at AT TIME ZONE 'UTC' AS date), 'outbox', 'not_captured', count(*), min(x.contract_id),
       'a capture rule failed: outbox recapture'
FROM outbox.capture_error x
WHERE x.recaptured_at IS NULL
GROUP BY CAST(x.occurred_at AT TIME ZONE 'UTC' AS date)
UNION ALL
SELECT u.business_unit, CAST(u.since AT TIME ZONE 'UTC' AS date), 'source', u.finding, count(*), min(u.contract_id), min(u.words)
FROM outbox_audit.uncovered_contracts() u
GROUP BY u.business_unit, CAST(u.since AT TIME ZONE 'UTC' AS date), u.finding;
COMMENT ON VIEW outbox_audit.coverage IS
'The missed-event detector: contracts and changes with no event or no delivery, by business unit and day. No row is good news.
Side outbox holds the facts against each other, side source holds every contract against its last event (outbox_audit.uncovered_contracts says what it finds and what not).
All of it reads all contracts and all events: WHERE side = ''outbox'' AND day >= ... is quick.';
COMMENT ON COLUMN outbox_audit.coverage.business_unit IS 'Owner of the contracts; NULL where it is unknown, as of what was not captured.';
COMMENT ON COLUMN outbox_audit.coverage.day IS 'UTC day on which the event occurred or the capture failed; on the source''s side that of the contract''s last event, else of its creation.';
COMMENT ON COLUMN outbox_audit.coverage.side IS 'outbox: facts held against each other; source: contracts held against their events.';
COMMENT ON COLUMN outbox_audit.coverage.finding IS
'not_routed (waits for routing, as every event does for a moment), not_decided, no_delivery (decided, but not made), not_settled (neither waits nor was settled), to_nobody (goes to no connector, for a recorded reason), not_captured (a capture rule failed); of the source no_create, changed, unseen, not_compared.';
COMMENT ON COLUMN outbox_audit.coverage.found IS 'How many events, deliveries, failures or contracts.';
COMMENT ON COLUMN outbox_audit.coverage.example IS 'One of their contracts.';
COMMENT ON COLUMN outbox_audit.coverage.words IS 'The finding in words.';
