-- Heads of these lanes step back, since older events are about to stand before them; under the lane locks.
-- A leased head keeps its place: it is being sent. A claim that is under way is waited for, and then seen as leased.
UPDATE outbox.queue
SET ready = false
WHERE connector_id = :connector_id
  AND contract_id = ANY (CAST(:contract_ids AS text[]))
  AND ready
  AND lease_token IS NULL
