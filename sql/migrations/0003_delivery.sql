-- Facts of delivering: what was decided, what exactly is to be sent, and every attempt. Append only.

CREATE TABLE outbox.decision (
  event_id          bigint NOT NULL,
  connector_id      integer,
  connector_version integer,
  reason            text NOT NULL CHECK (reason IN ('deliver', 'backfill', 'trigger_not_chosen', 'discarded',
                      'no_connector', 'no_business_unit', 'coalesced', 'unchanged', 'contract_gone')),
  into_event_id     bigint,
  reread            boolean NOT NULL DEFAULT false,
  decided_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK ((reason = 'coalesced') = (into_event_id IS NOT NULL)),
  CHECK ((connector_id IS NULL) = (connector_version IS NULL)),
  CHECK ((connector_id IS NOT NULL) = (reason IN ('deliver', 'backfill', 'trigger_not_chosen', 'discarded')))
) PARTITION BY RANGE (event_id);
CREATE INDEX decision_event ON outbox.decision (event_id, connector_id);

CREATE TABLE outbox.delivery (
  event_id          bigint NOT NULL,
  connector_id      integer NOT NULL,
  connector_version integer NOT NULL,
  kind              text NOT NULL DEFAULT 'auto' CHECK (kind IN ('auto', 'backfill', 'test')),
  trigger           text NOT NULL,
  contract_id       text NOT NULL,
  business_unit     text,
  content_type      text NOT NULL,
  body              bytea,
  created_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (event_id, connector_id)
) PARTITION BY RANGE (event_id);
CREATE INDEX delivery_connector ON outbox.delivery (connector_id, event_id);
CREATE INDEX delivery_contract ON outbox.delivery (contract_id, event_id);
CREATE INDEX delivery_created_at ON outbox.delivery USING brin (created_at);
COMMENT ON COLUMN outbox.delivery.body IS
  'The exact bytes, frozen when routed: what every attempt and every replay sends. NULL: could not be built, or erased.';

CREATE TABLE outbox.attempt (
  event_id          bigint NOT NULL,
  connector_id      integer NOT NULL,
  number            integer NOT NULL CHECK (number >= 1),
  late              boolean NOT NULL DEFAULT false,
  kind              text NOT NULL CHECK (kind IN ('auto', 'replay', 'test')),
  connector_version integer,
  started_at        timestamptz NOT NULL,
  duration_ms       double precision,
  timings           jsonb,
  url               text,
  request_headers   jsonb,
  status_code       integer,
  response_headers  jsonb,
  response_body     bytea,
  response_cut      boolean NOT NULL DEFAULT false,
  outcome           text NOT NULL CHECK (outcome IN ('ok', 'http_error', 'timeout', 'dns', 'connect', 'tls', 'blocked',
                      'protocol', 'report', 'lost', 'late', 'interrupted')),
  error_code        text,
  error             text,
  worker            text NOT NULL,
  settled           text CHECK (settled IN ('delivered', 'dead', 'cancelled')),
  PRIMARY KEY (event_id, connector_id, number, late),
  CHECK (late = (outcome = 'late')),
  CHECK (settled IS DISTINCT FROM 'delivered' OR outcome = 'ok')
) PARTITION BY RANGE (event_id);
CREATE INDEX attempt_settled ON outbox.attempt (settled, event_id) WHERE settled IN ('dead', 'cancelled');
CREATE INDEX attempt_started_at ON outbox.attempt USING brin (started_at);

CREATE TABLE outbox.replay (
  event_id     bigint NOT NULL,
  connector_id integer NOT NULL,
  verdict      text NOT NULL CHECK (verdict IN ('again', 'forward')),
  asked_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  asked_by     text NOT NULL
) PARTITION BY RANGE (event_id);
CREATE INDEX replay_event ON outbox.replay (event_id, connector_id);
COMMENT ON TABLE outbox.replay IS
  'Who asked for a replay that was done: `again` queued a finished delivery once more, `forward` made a waiting one due.';

COMMENT ON COLUMN outbox.attempt.late IS
  'True where a worker came back after its lease had gone to another: kept beside the `lost` attempt of that number.';
