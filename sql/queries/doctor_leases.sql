-- Leases that end later than any lease may, by connector: the database's clock was put back, or a hand was in it.
SELECT c.name AS connector, count(*) AS leases,
       CAST(extract(epoch FROM max(q.due_at) - clock_timestamp()) AS double precision) AS ahead
FROM outbox.queue AS q
JOIN outbox.connector AS c ON c.id = q.connector_id
WHERE q.lease_token IS NOT NULL
  AND q.due_at > clock_timestamp() + make_interval(secs => :longest_seconds + c.timeout_seconds)
GROUP BY c.name
ORDER BY c.name
