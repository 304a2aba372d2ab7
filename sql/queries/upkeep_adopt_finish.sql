-- The default partitions become those of their range, and empty ones take their place.
SELECT outbox.adopt_finish(:range_start, :range_end)
