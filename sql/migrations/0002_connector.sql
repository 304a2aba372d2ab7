-- Connectors: where and how to report, for some business units and triggers; every version is kept.

CREATE TABLE outbox.connector (
  id                 integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  version            integer NOT NULL DEFAULT 1,
  name               text NOT NULL CHECK (name <> ''),
  kind               text NOT NULL DEFAULT 'reporting' CHECK (kind = 'reporting'),
  type               text NOT NULL DEFAULT 'webhook' CHECK (type = 'webhook'),
  business_units     text[] NOT NULL CHECK (cardinality(business_units) > 0),
  triggers           text[] NOT NULL CHECK (cardinality(triggers) > 0
                       AND triggers <@ ARRAY['create', 'update', 'send', 'review', 'expired']),
  url                text NOT NULL,
  content_type       text NOT NULL DEFAULT 'application/json'
                       CHECK (content_type IN ('application/json', 'application/x-www-form-urlencoded')),
  ssl_verification   boolean NOT NULL DEFAULT true,
  data               text NOT NULL DEFAULT 'everything' CHECK (data IN ('status', 'everything')),
  company_fields     text[] NOT NULL DEFAULT '{}',
  field_mapping      jsonb NOT NULL DEFAULT '[]',
  form_style         text NOT NULL DEFAULT 'fields' CHECK (form_style IN ('fields', 'payload')),
  lane_order         text NOT NULL DEFAULT 'contract' CHECK (lane_order IN ('contract', 'none')),
  max_in_flight      integer NOT NULL DEFAULT 8 CHECK (max_in_flight BETWEEN 1 AND 1000),
  rate_per_second    double precision CHECK (rate_per_second > 0 AND rate_per_second <= 10000),
  timeout_seconds    double precision NOT NULL DEFAULT 15 CHECK (timeout_seconds > 0 AND timeout_seconds <= 300),
  schedule           double precision[],
  headers            jsonb NOT NULL DEFAULT '{}',
  username           text NOT NULL DEFAULT 'webhook',
  secret             bytea,
  signing_secret     bytea,
  signing_secret_old bytea,
  enabled            boolean NOT NULL DEFAULT true,
  disabled_reason    text,
  disabled_at        timestamptz,
  discard            boolean NOT NULL DEFAULT false,
  origin             text NOT NULL DEFAULT 'command' CHECK (origin IN ('code', 'command', 'page', 'api')),
  created_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
  removed_at         timestamptz,
  CHECK (enabled = (disabled_at IS NULL)),
  CHECK (enabled = (disabled_reason IS NULL)),
  CHECK (NOT (discard AND enabled))
);
CREATE UNIQUE INDEX connector_name ON outbox.connector (name) WHERE removed_at IS NULL;
COMMENT ON COLUMN outbox.connector.secret IS 'Ciphertext; so are signing_secret and signing_secret_old (the one being rotated out).';

CREATE TABLE outbox.connector_version (
  connector_id integer NOT NULL REFERENCES outbox.connector,
  version      integer NOT NULL,
  action       text NOT NULL CHECK (action IN ('create', 'edit', 'enable', 'disable', 'remove')),
  spec         jsonb NOT NULL,
  changed_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by   text NOT NULL,
  origin       text NOT NULL DEFAULT 'command' CHECK (origin IN ('code', 'command', 'page', 'api', 'relay')),
  PRIMARY KEY (connector_id, version)
);
COMMENT ON TABLE outbox.connector_version IS
  'Every version of every connector as it was, without secrets (only whether one was set, and whether it changed).';
