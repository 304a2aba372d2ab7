-- What questions need of the facts: time in order instead of in block ranges, what went wrong, business units, finished days.
-- compatible with: 6

-- Newest first, and any stretch of time, by an index that grows at its right edge; the connector stands in it, so that a
-- filter on it reads no row. They take the place of block-range indexes, which find a stretch but sort nothing.
DROP INDEX outbox.event_occurred_at;
CREATE INDEX event_occurred_at ON outbox.event (occurred_at, id);
DROP INDEX outbox.delivery_created_at;
CREATE INDEX delivery_created_at ON outbox.delivery (created_at, event_id, connector_id);
DROP INDEX outbox.attempt_started_at;
CREATE INDEX attempt_started_at ON outbox.attempt (started_at, event_id, connector_id);

-- What was not a success at the first try. A success writes nothing here.
CREATE INDEX attempt_trouble ON outbox.attempt (started_at, event_id, connector_id, outcome) WHERE outcome <> 'ok' OR number > 1;
CREATE INDEX decision_against ON outbox.decision (connector_id, event_id) WHERE reason NOT IN ('deliver', 'backfill');

-- Which block ranges hold rows of a business unit that has few: a filter kept for each range, nothing written for a row.
CREATE INDEX event_business_unit ON outbox.event USING brin (business_unit text_bloom_ops (n_distinct_per_range = 100))
  WITH (pages_per_range = 32);
CREATE INDEX delivery_business_unit ON outbox.delivery USING brin (business_unit text_bloom_ops (n_distinct_per_range = 100))
  WITH (pages_per_range = 32);

CREATE TABLE outbox.connector_day (
  connector_id integer NOT NULL REFERENCES outbox.connector,
  day          date NOT NULL,
  attempts     bigint NOT NULL,
  ok           bigint NOT NULL,
  failed       bigint NOT NULL,
  lost         bigint NOT NULL,
  late         bigint NOT NULL,
  delivered    bigint NOT NULL,
  dead         bigint NOT NULL,
  cancelled    bigint NOT NULL,
  delivery_ms  double precision[],
  answer_ms    double precision[],
  PRIMARY KEY (day, connector_id)
);
COMMENT ON TABLE outbox.connector_day IS
  'What attempts of a finished UTC day came to, counted once: so that figures of a year are quick, and outlive the facts.';
