-- What `outbox doctor` compares over time: sizes by the hour, and each worker's clock against the database's.
-- compatible with: 6

CREATE TABLE outbox.growth (
  sampled_at     timestamptz PRIMARY KEY DEFAULT clock_timestamp(),
  outbox_bytes   bigint NOT NULL,
  database_bytes bigint NOT NULL
);
COMMENT ON TABLE outbox.growth IS 'Disk space of the schema and of the whole database, sampled by the hour, kept for 400 days.';

ALTER TABLE outbox.worker ADD COLUMN clock_ahead double precision;
COMMENT ON COLUMN outbox.worker.clock_ahead IS
  'Seconds by which its host''s clock was ahead of the database''s at its last sign of life.';
