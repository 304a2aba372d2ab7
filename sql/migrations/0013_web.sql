-- The dashboard's own: people and their sessions, tokens of the API, and who looked at or changed what.
-- compatible with: 6

CREATE TABLE outbox.web_user (
  id                  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name                text NOT NULL CHECK (name <> ''),
  role                text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  business_units      text[] CHECK (cardinality(business_units) > 0),
  password_hash       text NOT NULL,
  created_at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by          text NOT NULL,
  password_changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  removed_at          timestamptz
);
CREATE UNIQUE INDEX web_user_name ON outbox.web_user (lower(name)) WHERE removed_at IS NULL;
COMMENT ON TABLE outbox.web_user IS 'Who may sign in to the dashboard.';
COMMENT ON COLUMN outbox.web_user.business_units IS 'The ids that this person is limited to; NULL: not limited.';
COMMENT ON COLUMN outbox.web_user.password_hash IS 'argon2id, with its parameters and salt.';
COMMENT ON COLUMN outbox.web_user.removed_at IS 'Since when this person may not sign in; the row stays, for its name stands on record.';

CREATE TABLE outbox.web_session (
  hash       bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  user_id    bigint NOT NULL REFERENCES outbox.web_user (id),
  address    text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL
);
CREATE INDEX web_session_user ON outbox.web_session (user_id);
COMMENT ON TABLE outbox.web_session IS 'Who is signed in: deleted at sign-out, at a new password, when its person is removed, and after its end.';
COMMENT ON COLUMN outbox.web_session.hash IS 'SHA-256 of the cookie''s token, which stands nowhere.';

CREATE TABLE outbox.api_token (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name           text NOT NULL CHECK (name <> ''),
  hash           bytea NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
  hint           text NOT NULL,
  role           text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  business_units text[] CHECK (cardinality(business_units) > 0),
  created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  created_by     text NOT NULL,
  expires_at     timestamptz,
  used_at        timestamptz,
  revoked_at     timestamptz
);
CREATE UNIQUE INDEX api_token_name ON outbox.api_token (lower(name)) WHERE revoked_at IS NULL;
COMMENT ON TABLE outbox.api_token IS 'Bearer tokens of the REST API.';
COMMENT ON COLUMN outbox.api_token.hash IS 'SHA-256 of the token, 256 random bits that stand nowhere.';
COMMENT ON COLUMN outbox.api_token.hint IS 'How the token begins, so that people can tell one from another.';
COMMENT ON COLUMN outbox.api_token.business_units IS 'The ids that the token is limited to; NULL: not limited.';
COMMENT ON COLUMN outbox.api_token.used_at IS 'When it was used last, to the minute.';

CREATE TABLE outbox.access_record (
  id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  who            text NOT NULL,
  via            text NOT NULL CHECK (via IN ('page', 'api', 'command')),
  act            text NOT NULL,
  object         text NOT NULL,
  business_units text[],
  detail         jsonb NOT NULL DEFAULT '{}',
  address        text
);
CREATE INDEX access_record_at ON outbox.access_record (at);
CREATE INDEX access_record_sign_in ON outbox.access_record (at) WHERE act = 'sign-in refused';
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON outbox.access_record FOR EACH ROW
  EXECUTE FUNCTION outbox.append_only();
CREATE TRIGGER append_only_whole BEFORE TRUNCATE ON outbox.access_record FOR EACH STATEMENT
  EXECUTE FUNCTION outbox.append_only();
COMMENT ON TABLE outbox.access_record IS 'Who did what by page, API or command, and who looked at content: sign-ins, replays, changes, looks.';
COMMENT ON COLUMN outbox.access_record.act IS 'In words: signed in, sign-in refused, looked, replayed, ...';
COMMENT ON COLUMN outbox.access_record.object IS 'What it was done to, such as delivery 12/3 or connector ''crm''.';
COMMENT ON COLUMN outbox.access_record.business_units IS 'Whose it is; NULL: nobody''s, or all''s.';
COMMENT ON COLUMN outbox.access_record.detail IS 'What else is worth keeping; never a secret, never content.';
COMMENT ON COLUMN outbox.access_record.address IS 'From where, as the server saw it.';

-- What the lists of deliveries are read by: those of one connector by time, and what failed by its event. A success
-- writes nothing into the second.
CREATE INDEX delivery_connector_time ON outbox.delivery (connector_id, created_at, event_id);
CREATE INDEX attempt_failed ON outbox.attempt (event_id, connector_id, outcome, status_code) WHERE outcome <> 'ok';

-- What expired, newest first, and a contract's changes that could not be captured: any other event, and any change that
-- was captured, writes nothing here.
CREATE INDEX event_expired ON outbox.event (id) WHERE trigger = 'expired';
-- By hash: a key that is too long for another index is itself an error that is recorded here.
CREATE INDEX capture_error_contract ON outbox.capture_error USING hash (contract_id) WHERE contract_id IS NOT NULL;
