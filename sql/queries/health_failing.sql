-- Which of these connectors have a receiver that fails; takes no lock, and success on a well one stops here.
SELECT connector_id FROM outbox.health WHERE connector_id = ANY (CAST(:connector_ids AS integer[]))
