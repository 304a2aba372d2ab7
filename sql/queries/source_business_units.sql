-- The source's business units, by its own query.
SELECT business_unit, name FROM outbox.business_units() ORDER BY name, business_unit
