-- Plural English names, a key of two columns, the status in a lookup table, a business unit that may be missing, and
-- tables that read a little like contracts.
CREATE TABLE departments (id smallint PRIMARY KEY, name text NOT NULL);
CREATE TABLE contract_statuses (id smallint PRIMARY KEY, label text NOT NULL);
CREATE TABLE contract_types (id smallint PRIMARY KEY, label text NOT NULL);
CREATE TABLE users (id bigint PRIMARY KEY, name text, email text, password_hash text, status text, department_id smallint);
CREATE TABLE contracts (
  ledger text NOT NULL, number integer NOT NULL, status_id smallint NOT NULL REFERENCES contract_statuses,
  type_id smallint REFERENCES contract_types, department_id smallint REFERENCES departments,
  status_note text, valid_until date, sent_at timestamptz, updated_on timestamptz, search_vector tsvector,
  PRIMARY KEY (ledger, number)
);
CREATE TABLE contract_lines (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ledger text NOT NULL, number integer NOT NULL, price numeric,
  FOREIGN KEY (ledger, number) REFERENCES contracts
);
INSERT INTO departments VALUES (1, 'Provider BU');
INSERT INTO contract_statuses VALUES (1, 'In progress'), (2, 'Signed'), (3, 'Sleeping');
INSERT INTO contracts (ledger, number, status_id, department_id) VALUES ('north', 1, 1, 1), ('north', 2, 1, NULL);
