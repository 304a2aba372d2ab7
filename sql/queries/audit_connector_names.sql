-- Every connector's name, removed ones too; of those that share one the present one first, then the latest.
SELECT connector, connector_id, business_units
FROM outbox_audit.connectors
ORDER BY connector, state = 'removed', connector_id DESC
