-- Alerts: what people were told is wrong. Kept as history; the rows that are not closed are the state of telling.
-- compatible with: 6

CREATE TABLE outbox.alert (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  rule       text NOT NULL,
  subject    text NOT NULL DEFAULT '',
  severity   text NOT NULL CHECK (severity IN ('warning', 'critical')),
  title      text NOT NULL,
  words      text NOT NULL,
  mend       text NOT NULL,
  facts      jsonb NOT NULL DEFAULT '{}',
  began_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
  gone_at    timestamptz,
  ended_at   timestamptz,
  told       integer NOT NULL DEFAULT 0 CHECK (told >= 0),
  told_at    timestamptz,
  tried_at   timestamptz,
  last_error text,
  closed_at  timestamptz,
  CHECK (ended_at IS NULL OR gone_at IS NOT NULL),
  CHECK (closed_at IS NULL OR ended_at IS NOT NULL)
);
CREATE UNIQUE INDEX alert_open ON outbox.alert (rule, subject) WHERE ended_at IS NULL;
CREATE INDEX alert_live ON outbox.alert (id) WHERE closed_at IS NULL;
COMMENT ON TABLE outbox.alert IS 'Each trouble that alerts told of, from its begin to its end: one row, over all hosts and restarts.';
COMMENT ON COLUMN outbox.alert.gone_at IS 'Since when the trouble is not seen any more; it has ended once that lasts.';
COMMENT ON COLUMN outbox.alert.told IS 'How often the hook took it while it stood.';
COMMENT ON COLUMN outbox.alert.tried_at IS 'When it was last sent, taken or not: until some time after, nobody else sends it.';
COMMENT ON COLUMN outbox.alert.last_error IS 'Why the hook did not take it the last time.';
COMMENT ON COLUMN outbox.alert.closed_at IS 'When nothing more was to be told of it.';
