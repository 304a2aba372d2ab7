-- Which contracts differ now from what this receiver last got? For each contract that it confirmed a report of, that
-- report is built anew from the contract and companies of today, by the connector's version of then, and compared with
-- the bytes that were sent last, replays included. What can't be compared is listed with the reason; `waiting` counts
-- the deliveries of the contract that are on their way to it. What it never got stands in never-confirmed.
-- param connector (connector): whose receiver
-- param contract (text, optional): this contract alone
-- param since (moment, optional): contracts of which something was routed to it from this moment on
SELECT DISTINCT d.contract_id
FROM outbox.delivery d
WHERE d.connector_id = ANY (CAST(:connector AS integer[]))
  AND (CAST(:contract AS text) IS NULL OR d.contract_id = CAST(:contract AS text))
  AND (CAST(:since AS timestamptz) IS NULL OR d.created_at >= CAST(:since AS timestamptz))
  AND (CAST(:within AS text[]) IS NULL OR d.business_unit = ANY (CAST(:within AS text[])))
  AND d.kind <> 'test'
