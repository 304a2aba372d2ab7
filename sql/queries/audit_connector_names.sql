-- Every connector's name, removed ones too; of those that share one the present one first, then the latest. For who is
-- limited to some business units, those that report for one of them.
SELECT connector, connector_id
FROM outbox_audit.connectors
WHERE CAST(:within AS text[]) IS NULL OR business_units && (CAST(:within AS text[]) || CAST('*' AS text))
ORDER BY connector, state = 'removed', connector_id DESC
