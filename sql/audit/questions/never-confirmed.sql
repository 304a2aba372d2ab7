-- What has this receiver never confirmed? Every delivery to it that no attempt settled as delivered, oldest first, with
-- where it stands. `perhaps_received`: an attempt was sent and its answer never came, or came too late to count.
-- param connector (connector): whose receiver
-- param since (moment, optional): what was routed from this moment on
-- param until (moment, optional): what was routed before this moment
SELECT u.event_id, u.contract_id, u.trigger, u.state, u.attempts, u.created_at AS routed_at, u.due_at, u.finished_at,
       EXISTS (SELECT FROM outbox_audit.attempts t
               WHERE t.event_id = u.event_id AND t.connector_id = u.connector_id
                 AND (t.late OR t.outcome IN ('timeout', 'protocol', 'lost', 'interrupted'))
                 AND t.settled IS DISTINCT FROM 'cancelled') AS perhaps_received,
       u.last_error
FROM outbox_audit.undelivered u
WHERE u.connector_id = ANY (CAST(:connector AS integer[]))
  AND (CAST(:since AS timestamptz) IS NULL OR u.created_at >= CAST(:since AS timestamptz))
  AND (CAST(:until AS timestamptz) IS NULL OR u.created_at < CAST(:until AS timestamptz))
  AND (CAST(:within AS text[]) IS NULL OR u.business_unit = ANY (CAST(:within AS text[])))
ORDER BY u.event_id, u.connector_id
