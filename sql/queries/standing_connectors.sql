-- Connectors that are not removed: how each stands and why, who disabled it, and how long its oldest delivery has been
-- due where it may send. One look into the index for each.
SELECT c.name AS connector,
       CASE WHEN NOT c.enabled AND by_relay.it THEN 'given_up'
            WHEN NOT c.enabled THEN 'disabled'
            WHEN h.held_at IS NOT NULL OR keyless.workers IS NOT NULL THEN 'held'
            ELSE 'enabled' END AS state,
       coalesce(c.disabled_reason, h.held_reason,
                'its secret can''t be opened with the keys of ' || keyless.workers) AS reason,
       CASE WHEN c.enabled AND h.held_at IS NULL THEN greatest(0, (
         SELECT CAST(extract(epoch FROM clock_timestamp() - q.due_at) AS double precision)
         FROM outbox.queue q
         WHERE q.connector_id = c.id AND q.ready
         ORDER BY q.due_at, q.position
         LIMIT 1)) ELSE 0 END AS overdue_age
FROM outbox.connector c
LEFT JOIN outbox.health h ON h.connector_id = c.id
LEFT JOIN LATERAL (
  SELECT v.origin = 'relay' AS it
  FROM outbox.connector_version v
  WHERE v.connector_id = c.id AND v.action = 'disable'
  ORDER BY v.version DESC
  LIMIT 1) AS by_relay ON true
LEFT JOIN (
  SELECT u.connector_id, string_agg(u.worker, ', ' ORDER BY u.worker) AS workers
  FROM outbox_audit.unopened u
  GROUP BY u.connector_id) AS keyless ON keyless.connector_id = c.id
WHERE c.removed_at IS NULL
ORDER BY c.name
