-- What was decided for these events: each goes to its unit's connector.
INSERT INTO outbox.decision (event_id, connector_id, connector_version, reason, decided_at)
SELECT e.id, CASE e.business_unit WHEN 'rare' THEN %(units)s + 1 ELSE CAST(e.business_unit AS integer) END, 1, 'deliver',
       e.occurred_at + interval '3 ms'
FROM outbox.event AS e
WHERE e.id BETWEEN %(first)s AND %(last)s
