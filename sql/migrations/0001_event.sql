-- What capture writes: notes in the inbox, events, and the failures that never broke the application.

CREATE SEQUENCE outbox.event_id AS bigint;
COMMENT ON SEQUENCE outbox.event_id IS 'Event ids, taken by the note, so that one contract''s follow its row locks.';

CREATE TABLE outbox.inbox (
  event_id    bigint PRIMARY KEY DEFAULT nextval('outbox.event_id'),
  occurred_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid         xid8 NOT NULL DEFAULT pg_current_xact_id(),
  trigger     text NOT NULL,
  contract_id text NOT NULL,
  changed     jsonb,
  detail      jsonb
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000);
CREATE INDEX inbox_contract ON outbox.inbox (contract_id);
COMMENT ON COLUMN outbox.inbox.trigger IS
  'Checked by the event that it becomes: a check here would be read anew for every note, a tenth of what it costs.';
COMMENT ON TABLE outbox.inbox IS 'Notes of capture triggers, deleted when routed: the work that routing has before it.';

CREATE TABLE outbox.event (
  id            bigint PRIMARY KEY,
  occurred_at   timestamptz NOT NULL,
  xid           xid8 NOT NULL,
  snapshot      pg_snapshot NOT NULL,
  trigger       text NOT NULL CHECK (trigger IN ('create', 'update', 'send', 'review', 'expired')),
  contract_id   text NOT NULL,
  business_unit text,
  status        text,
  changed       jsonb,
  detail        jsonb,
  document      jsonb
) PARTITION BY RANGE (id);
CREATE INDEX event_contract ON outbox.event (contract_id, xid, id);
CREATE INDEX event_occurred_at ON outbox.event USING brin (occurred_at);
COMMENT ON TABLE outbox.event IS 'One captured occurrence, written once, in the application''s own transaction.';

CREATE TABLE outbox.capture_error (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  occurred_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  xid          xid8 NOT NULL DEFAULT pg_current_xact_id(),
  rule         text NOT NULL,
  relation     oid,
  table_name   text,
  operation    text,
  trigger      text,
  contract_id  text,
  old_row      jsonb,
  new_row      jsonb,
  differs      text[],
  changed      jsonb,
  detail       jsonb,
  sqlstate     text NOT NULL,
  message      text NOT NULL,
  recaptured_at timestamptz,
  event_ids    bigint[]
);
CREATE INDEX capture_error_open ON outbox.capture_error (id) WHERE recaptured_at IS NULL;
COMMENT ON TABLE outbox.capture_error IS 'What a capture trigger could not capture; `outbox recapture` makes events of it.';

CREATE SEQUENCE outbox.filtered AS bigint MINVALUE 0 START 0;
COMMENT ON SEQUENCE outbox.filtered IS 'How many notes raised nothing because the contract query excludes the contract.';

CREATE TABLE outbox.source (
  id           integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  installed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  installed_by text NOT NULL,
  removed_at   timestamptz,
  mapping      jsonb NOT NULL,
  objects      jsonb NOT NULL
);
CREATE UNIQUE INDEX source_installed ON outbox.source ((true)) WHERE removed_at IS NULL;
COMMENT ON TABLE outbox.source IS 'Each installation of a mapping: what was asked and what DDL stands, so that drift can be told.';
