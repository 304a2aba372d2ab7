-- Holds the connector in the version that was read, so that it is neither changed nor removed under a batch.
SELECT id FROM outbox.connector WHERE id = :id AND version = :version AND removed_at IS NULL FOR SHARE
