#variable_conflict use_column
-- Deadlines after $$1 and up to $$2 that raised nothing yet, of open contracts; oldest first, at most $$3.
-- `floor`: whatever comes later in this order has a later deadline than that.
-- OFFSET 0: each mark is looked up by its key; joined by the deadline alone, equal ones would meet each with each.
BEGIN
  RETURN QUERY
$expiring;
END
