-- Makes the next range that is missing ahead of the newest event id; NULL where none is.
SELECT outbox.make_ahead(:ahead)
