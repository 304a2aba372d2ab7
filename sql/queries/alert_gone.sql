-- Troubles that are no longer seen, from now on; those that were so long enough have ended. What was never told needs no
-- "well again".
UPDATE outbox.alert a
SET gone_at = coalesce(a.gone_at, clock_timestamp()),
    ended_at = CASE WHEN a.id = ANY (CAST(:ended AS bigint[])) THEN clock_timestamp() END,
    closed_at = CASE WHEN a.id = ANY (CAST(:ended AS bigint[])) AND a.told = 0 THEN clock_timestamp() END
WHERE a.id = ANY (CAST(:gone AS bigint[]) || CAST(:ended AS bigint[])) AND a.ended_at IS NULL
