-- Reads what the default partitions hold, so that the swap need not; waits for nobody but DDL.
SELECT outbox.adopt_validate()
