-- Figures for the dashboard: what attempts came to, by connector and business unit, counted once for each stretch of time.
-- compatible with: 6

CREATE TABLE outbox.figure (
  minutes         integer NOT NULL CHECK (minutes IN (5, 60, 1440)),
  since           timestamptz NOT NULL,
  connector_id    integer NOT NULL REFERENCES outbox.connector,
  business_unit   text NOT NULL,
  routed          timestamptz NOT NULL,
  attempts        bigint NOT NULL,
  ok              bigint NOT NULL,
  delivered       bigint NOT NULL,
  retried         bigint NOT NULL,
  dead            bigint NOT NULL,
  cancelled       bigint NOT NULL,
  delivery_bins   smallint[] NOT NULL DEFAULT '{}',
  delivery_counts bigint[] NOT NULL DEFAULT '{}',
  answer_bins     smallint[] NOT NULL DEFAULT '{}',
  answer_counts   bigint[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (minutes, since, connector_id, business_unit, routed)
);
COMMENT ON TABLE outbox.figure IS
  'What the attempts of a stretch of so many minutes came to, counted once; each length goes on where the longer one ends.';
COMMENT ON COLUMN outbox.figure.business_unit IS 'That of the deliveries; empty where they have none.';
COMMENT ON COLUMN outbox.figure.routed IS
  'The hour (of a day''s figures: the day) in which the deliveries were routed: so that an hour''s deliveries can be followed.';
COMMENT ON COLUMN outbox.figure.retried IS 'Of those delivered, the ones that took more than one attempt.';
COMMENT ON COLUMN outbox.figure.dead IS
  'Deliveries that became dead, less those that were and then became something else by a replay; so is cancelled.';
COMMENT ON COLUMN outbox.figure.delivery_bins IS
  'A histogram with delivery_counts: bin n is up to 2^(n/8) milliseconds from the change to the receiver''s 2xx.';
COMMENT ON COLUMN outbox.figure.answer_bins IS 'Likewise, with answer_counts: what receivers took to answer.';

CREATE TABLE outbox.counted (
  minutes integer PRIMARY KEY CHECK (minutes IN (5, 60, 1440)),
  until   timestamptz NOT NULL
);
COMMENT ON TABLE outbox.counted IS 'Until when the figures of each length are counted; whoever counts on holds the row.';
INSERT INTO outbox.counted (minutes, until)
SELECT m, date_trunc('day', now(), 'UTC') - interval '32 days' FROM unnest(ARRAY[5, 60, 1440]) AS m;
