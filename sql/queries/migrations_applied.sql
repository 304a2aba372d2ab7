-- Which migrations stand, each with the digest of the file it was applied from.
SELECT number, sha256 FROM outbox.migration ORDER BY number
