-- Why there is no delivery of this event for this connector: whether the event stands, and what was decided for it.
SELECT EXISTS (SELECT FROM outbox.event e WHERE e.id = :event_id) AS captured,
       (SELECT min(outbox_audit.decision_words(n.reason, e.trigger, e.business_unit, n.into_event_id, n.reread))
        FROM outbox.decision n
        JOIN outbox.event e ON e.id = n.event_id
        WHERE n.event_id = :event_id
          AND (n.connector_id IS NULL OR n.connector_id = ANY (CAST(:connector_ids AS integer[])))) AS decided
