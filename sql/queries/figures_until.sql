-- How far figures of a length are counted now; in the transaction that counts them, so that each is counted once.
UPDATE outbox.counted SET until = :until WHERE minutes = :minutes
