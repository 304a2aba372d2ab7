"""What an installed source offers to connectors, without its application: the functions that installing generates."""

from psycopg.types.json import Jsonb

from tests.factories import Connection

FUNCTIONS = """
CREATE FUNCTION outbox.business_units() RETURNS TABLE (business_unit text, name text) LANGUAGE sql AS $$
  VALUES ('1', 'Provider BU'), ('2', 'Retail'), ('3', 'Retail') $$;
CREATE FUNCTION outbox.read_company(ids text[]) RETURNS TABLE (id text, business_unit text, name text, fields jsonb)
LANGUAGE sql AS $$
  SELECT c.id, '1', 'ACME', '{"vat": "DE123", "segment": null}'::jsonb
  FROM unnest(ids) AS c (id) WHERE c.id = '7' $$;
CREATE FUNCTION outbox.read_contract(contract_id text)
RETURNS TABLE (business_unit text, status text, document jsonb, snapshot pg_snapshot) LANGUAGE sql AS $$
  SELECT '1', 'now', '{"title": "as it is now"}'::jsonb, pg_current_snapshot() $$;
"""
MAPPING = {"capture": [{"trigger": trigger} for trigger in ("create", "update", "send")]}


def offer_source(connection: Connection) -> None:
    """Business units 1 (Provider BU), 2 and 3 (both Retail), company 7 of the first; no rule for review."""
    connection.execute(FUNCTIONS.encode())
    connection.execute(
        "INSERT INTO outbox.source (installed_by, mapping, objects) VALUES ('test', %s, '{}')", [Jsonb(MAPPING)]
    )
