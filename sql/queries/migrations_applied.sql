-- Which migrations stand, each with the digest of the file it was applied from, and the oldest version that it lets work.
SELECT number, sha256, oldest FROM outbox.migration ORDER BY number
