-- Where the ranges begin that may be dropped, oldest first.
SELECT outbox.prunable(make_interval(days => :days))
