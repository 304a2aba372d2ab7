"""Connectors made through the real module, by two people."""

from typing import Any

from pydantic import SecretStr

from outbox.connector import ConnectorSpec
from outbox.connector_edits import Author, create_connector, edit_connector
from outbox.connector_input import parse_spec
from outbox.connectors import StandingConnector, find_connector, load_connectors
from outbox.model import Connector
from outbox.secret_box import SecretBox
from tests.conftest import Database
from tests.factories import Connection, insert_decision, insert_delivery, insert_event, insert_queued

ADA = Author("ada")
BOB = Author("bob", "page")
DOCUMENT = {"title": "First", "amount": 12, "company": "7"}


def spec(**values: object) -> ConnectorSpec:
    """A connector of unit bu1 for update but for `values`."""
    least: dict[str, Any] = {"name": "crm", "business_units": ["bu1"], "triggers": ["update"]}
    return parse_spec({**least, "url": "https://crm.example/hook", **values}, label="x")


def box_with(*keys: str) -> SecretBox:
    """A box with these keys."""
    return SecretBox([SecretStr(key) for key in keys])


def make(database: Database, box: SecretBox, **values: object) -> StandingConnector:
    """A connector as it stands after it was created by ada."""
    asked = spec(**values)
    with database.engine.begin() as connection:
        create_connector(connection, asked, box=box, author=ADA)
    return find(database, box, asked.name)


def find(database: Database, box: SecretBox, name: str = "crm") -> StandingConnector:
    """The connector as it stands now."""
    with database.engine.connect() as connection:
        return find_connector(connection, box, name)


def edit(database: Database, standing: StandingConnector, box: SecretBox, **values: object) -> int:
    """Edits by bob; how many changes."""
    asked = standing.spec.model_copy(update=values)
    with database.engine.begin() as connection:
        return len(edit_connector(connection, standing, asked, box=box, author=BOB))


def load(database: Database, box: SecretBox) -> Connector:
    """The one connector as the relay sees it."""
    with database.engine.connect() as connection:
        [connector] = load_connectors(connection, box)
    return connector


def queue(sql: Connection, connector_id: int, **values: Any) -> int:
    """One open delivery; its event's id."""
    event_id = insert_event(sql, values.pop("contract_id", "k1"))
    insert_delivery(sql, event_id, connector_id)
    insert_queued(sql, event_id, connector_id, **values)
    return event_id


def recorded(sql: Connection, contract_id: str = "k1", trigger: str = "update", **values: Any) -> int:
    """An event that was routed before the connector came, to nobody unless `reason` says otherwise."""
    reason, into = values.pop("reason", "no_connector"), values.pop("into", None)
    reread = values.pop("reread", False)
    event_id = insert_event(sql, contract_id, trigger, **{"business_unit": "1", "document": DOCUMENT, **values})
    insert_decision(sql, event_id, reason, into_event_id=into, reread=reread)
    return event_id
