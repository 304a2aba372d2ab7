-- Compare-and-set: of all workers on all hosts, one gets the row, and runs the job for this slot.
INSERT INTO outbox.periodic AS p (name, last_run) VALUES (:name, to_timestamp(floor(extract(epoch FROM now()) / :seconds) * :seconds))
ON CONFLICT (name) DO UPDATE SET last_run = excluded.last_run WHERE p.last_run < excluded.last_run
RETURNING p.last_run
