-- How many notes raised nothing because the contract query excludes their contract, since the beginning.
SELECT CASE WHEN is_called THEN last_value + 1 ELSE 0 END AS filtered FROM outbox.filtered
