"""A small contract application, and its mapping: what connectors name is really installed."""

import tomllib

from sqlalchemy import create_engine

from outbox.install import install
from outbox.mapping import Mapping
from tests.postgres import Server

TABLES = """
CREATE TABLE business_unit (id integer PRIMARY KEY, name text NOT NULL);
CREATE TABLE company (id integer PRIMARY KEY, business_unit_id integer REFERENCES business_unit, name text, vat text,
  extra jsonb);
CREATE TABLE contract (id text PRIMARY KEY, business_unit_id integer REFERENCES business_unit,
  company_id integer REFERENCES company, status text NOT NULL DEFAULT 'draft', title text,
  amount numeric);
CREATE TABLE contract_email (id serial PRIMARY KEY, contract_id text REFERENCES contract);
INSERT INTO business_unit VALUES (1, 'Provider BU'), (2, 'Retail'), (3, 'Retail');
INSERT INTO company VALUES (7, 1, 'ACME', 'DE123', '{"segment": null}');
"""
MAPPING = """
[contract]
query = '''
  SELECT id AS contract_id, business_unit_id AS business_unit, status, company_id AS company, title, amount
  FROM contract'''
[business_unit]
query = "SELECT id AS business_unit, name FROM business_unit"
[company]
query = "SELECT id AS company, business_unit_id AS business_unit, name, vat, extra FROM company"
[[capture]]
trigger = "create"
table = "public.contract"
on = "insert"
contract = "new.id"
[[capture]]
trigger = "update"
table = "public.contract"
on = "update"
contract = "new.id"
[[capture]]
trigger = "send"
table = "public.contract_email"
on = "insert"
contract = "new.contract_id"
"""


def install_application(server: Server, database: str) -> None:
    """Business units 1 (Provider BU), 2 and 3 (both Retail), company 7 of the first; no rule captures review."""
    engine = create_engine(server.sqlalchemy_url(database))
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(TABLES)
        install(engine, Mapping.model_validate(tomllib.loads(MAPPING)))
    finally:
        engine.dispose()
