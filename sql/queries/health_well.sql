-- These connectors' receivers answer; under health_lock.
DELETE FROM outbox.health WHERE connector_id = ANY (CAST(:connector_ids AS integer[]))
