"""schemathesis tries the API by its own document, on a database with something in it: no answer but those it names."""

import io
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events

from outbox.log import configure_log
from outbox.settings import Log
from outbox.web.api import document
from outbox.web.app import make_app
from outbox.web.site import Site
from tests.conftest import Database
from tests.factories import (
    connect,
    insert_attempt,
    insert_connector,
    insert_delivery,
    insert_event,
    insert_queued,
)
from tests.web import add_token, site_on

CLOSED = "http://127.0.0.1:9"
"""A port that nobody listens at, as the proxy: whatever URL is made up, nothing is sent to it."""


@pytest.fixture
def site(source_database: Database) -> Iterator[Site]:
    """A site on a database with two connectors, and deliveries that wait, came through and didn't."""
    with connect(source_database) as sql:
        for name in ("crm", "erp"):
            connector = insert_connector(sql, name, url=CLOSED, business_units=["1"])
            for number in range(4):
                event = insert_event(sql, f"k{number}", business_unit="1", document={"amount": 1.5})
                insert_delivery(sql, event, connector)
                if number:
                    dead: dict[str, Any] = {"outcome": "timeout", "settled": "dead"} if number % 2 else {}
                    insert_attempt(sql, event, connector, response_body=b"\xff<b>", **dead)
                else:
                    insert_queued(sql, event, connector, due_in=86_400)
    with site_on(source_database, sender={"allow_networks": ("127.0.0.0/8",), "proxy": CLOSED}) as site:
        yield site


def tried(site: Site, *, examples: int, stateful: bool) -> tuple[list[str], Counter[str]]:
    """What failed, in words, and how many calls were made of each operation."""
    config = SchemathesisConfig.from_dict(
        {
            "seed": 1,
            "headers": {"Authorization": f"Bearer {add_token(site)}"},
            "generation": {"max-examples": examples, "database": "none", "deterministic": True},
            "phases": {"stateful": {"enabled": stateful}},
            # The document can't say every rule of a connector, so what fits it may be refused all the same.
            "checks": {"positive_data_acceptance": {"enabled": False}},
            "warnings": False,
        }
    )
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", make_app(site), config=config)
    failed: list[str] = []
    made: Counter[str] = Counter()
    for event in engine.from_schema(schema).execute():
        if isinstance(event, events.NonFatalError | events.FatalError | events.Interrupted):
            failed.append(repr(event))
        if isinstance(event, events.ScenarioFinished):
            for checks in event.recorder.checks.values():
                made[str(event.recorder.label)] += 1
                failed += [_words(event.recorder.label, one) for one in checks if one.failure_info is not None]
    return failed, made


def _words(label: object, check: Any) -> str:
    return f"{label}: {check.name}: {check.failure_info.failure}: {check.failure_info.code_sample}"


@pytest.fixture(autouse=True)
def unseen_log() -> Iterator[None]:
    """Warnings of what is refused are thousands here."""
    configure_log(Log(level="error", format="json"), io.StringIO())
    yield
    configure_log(Log(level="debug", format="json"), sys.__stderr__)


@pytest.mark.slow
def test_the_api_answers_as_its_document_says(site: Site) -> None:
    """Every operation, by its examples, its edges and what is made up: statuses, shapes, headers, refusals, tokens."""
    failed, made = tried(site, examples=3, stateful=False)
    assert failed == []
    assert {label for label in made if label.startswith(("GET", "POST", "PUT", "PATCH", "DELETE"))} == {
        f"{method.upper()} {path}" for path, operations in document()["paths"].items() for method in operations
    }


@pytest.mark.soak
@pytest.mark.slow
def test_the_api_stands_whatever_comes_after_what(site: Site) -> None:
    """Many more of them, and calls that follow one another by what the ones before made."""
    failed, made = tried(site, examples=100, stateful=True)
    assert failed == []
    assert made["Stateful tests"] > 100
