-- Attempts in a default partition whose delivery was pruned; how many went.
SELECT outbox.sweep_strays(:most)
