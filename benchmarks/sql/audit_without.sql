-- The indexes as they were before migration 8.
DROP INDEX outbox.event_occurred_at, outbox.delivery_created_at, outbox.attempt_started_at, outbox.attempt_trouble,
           outbox.decision_against, outbox.event_business_unit, outbox.delivery_business_unit;
CREATE INDEX event_occurred_at ON outbox.event USING brin (occurred_at);
CREATE INDEX delivery_created_at ON outbox.delivery USING brin (created_at);
CREATE INDEX attempt_started_at ON outbox.attempt USING brin (started_at)
