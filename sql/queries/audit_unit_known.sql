-- Whether a connector, a removed one too, reports for a business unit of this id by name.
SELECT EXISTS (SELECT FROM outbox_audit.connectors c WHERE CAST(:business_unit AS text) = ANY (c.business_units))
