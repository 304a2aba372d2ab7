-- The bare pipeline's own two tables, filled with the same documents for the same receivers.
CREATE SCHEMA bare;
CREATE TABLE bare.queue (id bigint PRIMARY KEY, url text NOT NULL, document jsonb NOT NULL, leased boolean NOT NULL DEFAULT false)
  WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX ON bare.queue (id) WHERE NOT leased;
CREATE TABLE bare.attempt (id bigint PRIMARY KEY, status integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
