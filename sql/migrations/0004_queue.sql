-- Work: open deliveries, small and hot. `due_at` is both schedule and lease clock: an expired lease is simply due.

CREATE SEQUENCE outbox.queue_position AS bigint;
COMMENT ON SEQUENCE outbox.queue_position IS
  'Place in a lane, taken under the lane''s lock, so that a lane keeps the order in which commits saw each other.';

CREATE TABLE outbox.queue (
  connector_id integer NOT NULL,
  event_id     bigint NOT NULL,
  contract_id  text NOT NULL,
  position     bigint NOT NULL DEFAULT nextval('outbox.queue_position'),
  ready        boolean NOT NULL,
  due_at       timestamptz NOT NULL,
  kind         text NOT NULL DEFAULT 'auto' CHECK (kind IN ('auto', 'replay')),
  attempts     integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  tries        integer NOT NULL DEFAULT 0 CHECK (tries BETWEEN 0 AND attempts),
  lease_token  bigint,
  lease_worker text,
  leased_at    timestamptz,
  last_error   text,
  PRIMARY KEY (connector_id, event_id),
  CHECK ((lease_token IS NULL) = (lease_worker IS NULL) AND (lease_token IS NULL) = (leased_at IS NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 5000);
CREATE INDEX queue_due ON outbox.queue (connector_id, due_at, position) WHERE ready;
CREATE INDEX queue_lane ON outbox.queue (contract_id, connector_id, position);
COMMENT ON COLUMN outbox.queue.attempts IS 'Number of the last attempt, over all schedules; `tries` counts those of the present one.';
COMMENT ON COLUMN outbox.queue.ready IS 'Whether it heads its lane (always true for a connector without order).';

CREATE TABLE outbox.worker (
  name       text PRIMARY KEY,
  host       text NOT NULL,
  pid        integer NOT NULL,
  version    text NOT NULL,
  transport  text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  stopped_at timestamptz,
  unopened   integer[] NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN outbox.worker.unopened IS
  'Connectors whose secret its keys do not open: it lets their deliveries wait.';

CREATE TABLE outbox.periodic (
  name     text PRIMARY KEY,
  last_run timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE outbox.periodic IS 'Last tick of each periodic job: a compare-and-set here makes it run once over all hosts.';

CREATE TABLE outbox.expiry (
  contract_id text NOT NULL,
  subject     text NOT NULL DEFAULT '',
  deadline    timestamptz NOT NULL,
  event_id    bigint,
  raised_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (contract_id, subject, deadline)
);
COMMENT ON TABLE outbox.expiry IS 'Deadlines that were raised: one `expired` for a contract, subject and deadline, whoever is first.';
