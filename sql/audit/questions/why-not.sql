-- Why was this event not sent to this receiver? In words, from what was decided and what became of it: for a coalesced
-- event also what became of the one that stands for it, for a blocked one what it waits for.
-- param event (number): id of the event
-- param connector (connector): whose receiver
SELECT c.connector_id, c.connector, c.state AS connector_state, c.triggers,
       -- Why it does not send may be told in the words of an answer to another unit's report.
       CASE WHEN CAST(:within AS text[]) IS NULL OR c.business_units <@ CAST(:within AS text[]) THEN c.state_reason END AS state_reason,
       CASE WHEN CAST(:within AS text[]) IS NULL THEN c.business_units ELSE ARRAY(
         SELECT u.unit FROM unnest(c.business_units) AS u (unit) WHERE u.unit = ANY (CAST(:within AS text[]) || CAST('*' AS text)))
       END AS business_units,
       c.version, c.created_at, CASE c.state WHEN 'removed' THEN c.state_since END AS removed_at, c.next_probe_at,
       e.occurred_at, e.trigger, e.contract_id, e.business_unit, e.routed_at,
       coalesce(e.awaits_routing, false) AS noted,
       n.reason, n.decided_at, n.connector_version AS decided_version, n.into_event_id,
       outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, false) AS decided_words,
       v.version AS then_version, CAST(v.spec AS text) AS then_spec,
       d.state, d.attempts, d.due_at, d.finished_at, d.last_error, d.worker, d.created_at AS delivery_at,
       CASE WHEN CAST(:within AS text[]) IS NULL OR EXISTS (SELECT FROM outbox_audit.events b WHERE b.event_id = d.blocked_by
                                                                AND b.business_unit = ANY (CAST(:within AS text[])))
            THEN d.blocked_by END AS blocked_by,
       d.connector_id IS NOT NULL AND d.body IS NULL AS bodiless,
       EXISTS (SELECT FROM outbox_audit.attempts t WHERE t.event_id = d.event_id AND t.connector_id = d.connector_id
                                                    AND t.outcome = 'report') AS not_built,
       EXISTS (SELECT FROM outbox_audit.attempts x WHERE x.event_id = CAST(:event AS bigint) AND x.kind = 'test'
          AND (CAST(:within AS text[]) IS NULL OR x.business_unit = ANY (CAST(:within AS text[])))) AS test,
       (SELECT max(p.pruned_at) FROM outbox_audit.pruned p
        WHERE CAST(:event AS bigint) BETWEEN p.first_event_id AND p.last_event_id) AS pruned_at
FROM outbox_audit.connectors c
LEFT JOIN outbox_audit.events e
  ON e.event_id = CAST(:event AS bigint) AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
LEFT JOIN LATERAL (
  SELECT r.reason, r.decided_at, r.connector_version, r.into_event_id
  FROM outbox_audit.decisions r
  WHERE r.event_id = CAST(:event AS bigint) AND (CAST(:within AS text[]) IS NULL OR e.event_id IS NOT NULL)
    AND coalesce(r.connector_id, c.connector_id) = c.connector_id
  ORDER BY r.connector_id IS NULL, r.decided_at DESC
  LIMIT 1) AS n ON true
LEFT JOIN LATERAL (
  SELECT o.version, o.spec
  FROM outbox_audit.connector_versions o
  WHERE o.connector_id = c.connector_id
    AND (o.version = n.connector_version OR (n.connector_version IS NULL AND o.changed_at <= e.routed_at))
  ORDER BY o.version DESC
  LIMIT 1) AS v ON true
LEFT JOIN outbox_audit.deliveries d
  ON d.event_id = CAST(:event AS bigint) AND d.connector_id = c.connector_id
  AND (CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[])))
WHERE c.connector_id = ANY (CAST(:connector AS integer[]))
ORDER BY d.connector_id IS NULL, n.reason IS NULL OR n.reason = 'no_connector', c.state = 'removed', c.connector_id DESC
LIMIT 1
