-- The only clock: the database's, at this moment and at the start of the transaction.
SELECT clock_timestamp() AS now, now() AS transaction_start
