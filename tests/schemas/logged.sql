-- A schema of its own, bigint keys, the status only in a log, no business unit, references that nothing declares, and a
-- large child without an index.
CREATE SCHEMA sales;
CREATE TABLE sales.customer (id bigint PRIMARY KEY, name text NOT NULL, credit_limit numeric);
CREATE TABLE sales.deal (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL, title text, volume bigint,
  deadline date, created_at timestamptz NOT NULL DEFAULT now(), lock_version integer NOT NULL DEFAULT 0
);
CREATE TABLE sales.deal_status_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deal_id bigint NOT NULL REFERENCES sales.deal ON DELETE CASCADE,
  status text NOT NULL, occurred_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON sales.deal_status_log (deal_id, occurred_at);
CREATE TABLE sales.deal_participant (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deal_id bigint NOT NULL REFERENCES sales.deal ON DELETE CASCADE,
  email text, api_key_hash text
);
CREATE TABLE sales.deal_mail (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, deal_id bigint, recipient text);
CREATE TABLE sales.app_setting (name text PRIMARY KEY, value text);
INSERT INTO sales.customer VALUES (9007199254740993, 'ACME', 100);
INSERT INTO sales.deal (customer_id, title, deadline)
SELECT 9007199254740993, 'Deal ' || n, DATE '2026-12-31' FROM generate_series(1, 100) AS n;
INSERT INTO sales.deal_status_log (deal_id, status)
SELECT id, unnest(ARRAY['draft', 'sent', 'won']) FROM sales.deal;
INSERT INTO sales.deal_participant (deal_id, email)
SELECT 1 + n % 100, n || '@example.com' FROM generate_series(1, 11000) AS n;
ANALYZE;
