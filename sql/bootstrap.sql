-- Before the first migration: the schemas and the record of what was applied. Safe to run again.
CREATE SCHEMA IF NOT EXISTS outbox;
CREATE SCHEMA IF NOT EXISTS outbox_audit;
CREATE TABLE IF NOT EXISTS outbox.migration (
  number     integer PRIMARY KEY,
  name       text NOT NULL,
  sha256     text NOT NULL,
  oldest     integer NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
