-- The business units that a connector reports for at present, a removed one for those that it had last.
SELECT c.business_units FROM outbox_audit.connectors c WHERE c.connector_id = :connector_id
