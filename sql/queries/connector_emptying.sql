-- A connector whose waiting deliveries are to be cancelled, held as it is until the transaction ends: nobody enables it
-- meanwhile. Before any lane lock, as replay_connectors. No row where it is to keep them.
SELECT c.version FROM outbox.connector AS c WHERE c.id = :connector_id AND (c.removed_at IS NOT NULL OR c.discard) FOR SHARE
