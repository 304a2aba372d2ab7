-- Before the first migration: the schemas and the record of what was applied. Safe to run again, also for an owner who may
-- not create schemas (IF NOT EXISTS asks for that right even where the schema stands).
DO $$
BEGIN
  IF to_regnamespace('outbox') IS NULL THEN
    CREATE SCHEMA outbox;
  END IF;
  IF to_regnamespace('outbox_audit') IS NULL THEN
    CREATE SCHEMA outbox_audit;
  END IF;
END $$;
CREATE TABLE IF NOT EXISTS outbox.migration (
  number     integer PRIMARY KEY,
  name       text NOT NULL,
  sha256     text NOT NULL,
  oldest     integer NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
