-- Holds these connectors as they are until the transaction ends. Before any lane lock: whoever waits here for an edit
-- that is left open must keep no lane from being routed or settled.
SELECT c.id FROM outbox.connector c WHERE c.id = ANY (CAST(:ids AS integer[])) ORDER BY c.id FOR SHARE
