-- What is there about this contract? All of it in order: each event with what changed, each decision, each replay that
-- was asked for, each attempt, each erasure; then what still waits, and changes that could not be captured yet.
-- param contract (text): id of the contract
SELECT s.at, s.what, s.event_id, s.connector, s.words
FROM (
  SELECT t.at, t.what, t.event_id, t.connector, t.words, t.hop, t.connector_id, t.number
  FROM outbox_audit.contract_timeline t
  WHERE t.contract_id = CAST(:contract AS text)
    AND (CAST(:within AS text[]) IS NULL OR t.business_unit = ANY (CAST(:within AS text[]))
         -- An erasure is about all that there was of a contract, so whoever may not see all of it hears of none.
         OR (t.what = 'erasure' AND (
           SELECT bool_and(coalesce(e.business_unit = ANY (CAST(:within AS text[])), false))
           FROM outbox_audit.events e WHERE e.contract_id = t.contract_id)))
  UNION ALL
  SELECT now(), 'waiting', w.event_id, w.connector,
         concat_ws('; ', w.state || ', attempts so far: ' || w.attempts, CASE
           WHEN CAST(:within AS text[]) IS NULL OR EXISTS (SELECT FROM outbox_audit.events b WHERE b.event_id = w.blocked_by
                                                                     AND b.business_unit = ANY (CAST(:within AS text[])))
           THEN 'behind event ' || w.blocked_by
           WHEN w.blocked_by IS NOT NULL THEN 'behind an earlier event' END,
                   'due at ' || to_char(w.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), w.last_error),
         6, w.connector_id, NULL
  FROM outbox_audit.waiting w
  WHERE w.contract_id = CAST(:contract AS text)
    AND (CAST(:within AS text[]) IS NULL OR w.business_unit = ANY (CAST(:within AS text[])))
  UNION ALL
  SELECT f.occurred_at, 'not captured', NULL, NULL,
         concat(f.operation || ' on ' || f.table_name || ', ', f.rule, ': ', f.message), 1, NULL, NULL
  FROM outbox_audit.capture_errors f
  WHERE f.contract_id = CAST(:contract AS text) AND f.recaptured_at IS NULL
    AND CAST(:within AS text[]) IS NULL  -- nobody knows whose it is
) AS s
ORDER BY s.at, s.event_id, s.hop, s.connector_id, s.number
