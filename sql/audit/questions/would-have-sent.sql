-- What would this connector, as it is now, have sent of the events that were recorded? A dry run of routing and of the
-- reports over history: nothing is written or sent. Documents are those of their commits, companies those of today.
-- `in_fact` is what became of the event at this connector.
-- param connector (connector): the connector to try
-- param since (moment, default 30d): events that occurred from this moment on
-- param until (moment, optional): events that occurred before this moment
-- param contract (text, optional): events of this contract alone
-- param all (flag): also the events of its business units that it would not send, and why
SELECT min(e.id + 0) AS first, max(e.id + 0) AS last  -- + 0: the first match is not to be sought along all ids
FROM outbox.event e
WHERE e.occurred_at >= CAST(:since AS timestamptz)
  AND (CAST(:until AS timestamptz) IS NULL OR e.occurred_at < CAST(:until AS timestamptz))
  AND (CAST(:within AS text[]) IS NULL OR e.business_unit = ANY (CAST(:within AS text[])))
  AND (CAST(:contract AS text) IS NULL OR e.contract_id = CAST(:contract AS text))
