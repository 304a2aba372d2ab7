-- Connectors that are not removed and that somebody sees: how each stands, why, since when, and whether the relay gave it up.
SELECT c.connector_id, c.connector AS name, c.state, c.state_reason, c.state_since, c.business_units, c.next_probe_at,
       c.state = 'disabled' AND coalesce((
         SELECT v.origin = 'relay' FROM outbox.connector_version AS v
         WHERE v.connector_id = c.connector_id AND v.action = 'disable'
         ORDER BY v.version DESC LIMIT 1), false) AS given_up
FROM outbox_audit.connectors AS c
WHERE c.state <> 'removed'
  AND (CAST(:within AS text[]) IS NULL OR c.business_units && (CAST(:within AS text[]) || ARRAY['*']))
ORDER BY c.connector
