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
  name          text PRIMARY KEY,
  host          text NOT NULL,
  pid           integer NOT NULL,
  version       text NOT NULL,
  transport     text NOT NULL,
  share_seconds double precision NOT NULL DEFAULT 5 CHECK (share_seconds > 0),
  started_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  seen_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  stopped_at    timestamptz,
  unopened      integer[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 50);
COMMENT ON COLUMN outbox.worker.unopened IS
  'Connectors whose secret its keys do not open: it lets their deliveries wait.';
COMMENT ON COLUMN outbox.worker.share_seconds IS 'How long after `seen_at` it may start sends under its shares.';

CREATE TABLE outbox.share (
  worker       text NOT NULL,
  connector_id integer NOT NULL,
  slots        integer NOT NULL CHECK (slots > 0),
  PRIMARY KEY (worker, connector_id)
);
COMMENT ON TABLE outbox.share IS
  'How much of each connector''s max_in_flight a worker may have in flight. Written under one lock; their sum never grows past the limit.';

CREATE TABLE outbox.health (
  connector_id  integer PRIMARY KEY REFERENCES outbox.connector,
  failures      integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
  failing_since timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_error    text,
  held_at       timestamptz,
  held_reason   text,
  probe_at      timestamptz,
  probes        integer NOT NULL DEFAULT 0 CHECK (probes >= 0),
  CHECK ((held_at IS NULL) = (held_reason IS NULL) AND (held_at IS NULL) = (probe_at IS NULL))
);
COMMENT ON TABLE outbox.health IS
  'Connectors whose receiver fails: a connector without a row is well, so that success writes nothing.';
COMMENT ON COLUMN outbox.health.probe_at IS 'While held: no probe before; while one is out, the end of its lease.';

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
