-- Drops the range that begins there; false where it is gone, or something of it is open or young again.
SELECT outbox.prune(:range_start, make_interval(days => :days))
