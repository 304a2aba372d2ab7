"""Server time of every page of the dashboard beside 10 million attempts."""

import time
from collections.abc import Iterator, Mapping

from pydantic import SecretStr
from starlette.testclient import TestClient

from benchmarks.audit import ATTEMPTS, ATTEMPTS_OF_21, fill
from benchmarks.ground import UNITS, Database, Ground, say
from benchmarks.table import Row, milliseconds, percentile, size
from outbox.access import Role, Within
from outbox.daily import close_days
from outbox.secret_box import make_key
from outbox.settings import Settings
from outbox.web.site import Site
from tests.web import add_user, client_of, sign_in
from tests.web_roles import FIXED
from tests.web_routes import Call, calls

FEW, MOST, LONG_SECONDS = 5, 60, 2.0
"""Looks at each page: so many at least and at most, and no more once they took so long."""
PEOPLE: Mapping[str, tuple[Role, Within]] = {
    "an admin": (Role.ADMIN, None),
    "a viewer of one business unit": (Role.VIEWER, ("5",)),
}
FILTERED = {
    "/deliveries": ("state=dead", "connector=http://127.0.0.1:9/5", "business_unit=5", "contract=4711"),
    "/not-sent": ("business_unit=5",),
}
"""Filters that people use, beside each page as it opens."""


def pages(ground: Ground) -> Iterator[Row]:
    """Each page by those who see all and by those who see a twentieth; what an answer takes in the web process."""
    attempts = max(10_000, ground.scaled(ATTEMPTS))
    with ground.database("pages") as database:
        database.add_connectors([f"http://127.0.0.1:9/{unit}" for unit in range(1, UNITS + 2)])
        bytes_of = fill(database, attempts * 21 // ATTEMPTS_OF_21)
        say(f"pages: counted {close_days(database.engine, chore='close days', seconds=600)} days")
        say(f"pages: looks beside {attempts:,} attempts ({size(bytes_of)})")
        site = Site(_settings(database))
        parts = _parts(database)
        for who, (role, within) in PEOPLE.items():
            with client_of(site) as client:
                sign_in(client, add_user(site, who, role, within))
                for call in calls():
                    if call.method == "GET" and not call.api:
                        for query in ("", *FILTERED.get(call.path, ())):
                            yield _looked(client, call.url(parts) + (f"?{query}" if query else ""), call, query, who)
        site.close()


def _settings(database: Database) -> Settings:
    given = {"database": {"url": SecretStr(database.url)}, "secrets": {"keys": SecretStr(make_key())}}
    return Settings.model_validate(given)


def _parts(database: Database) -> dict[str, str]:
    """What stands for what varies in a path: a delivery of the fifth business unit, a contract, a question."""
    with database.connect() as connection:
        found = "SELECT event_id, connector_id, contract_id FROM outbox.delivery WHERE business_unit = '5' LIMIT 1"
        event, connector, contract = connection.execute(found).fetchall()[0]
    fixed = {**FIXED, "question": "slowest-receivers", "form": "csv", "connector_name": "http://127.0.0.1:9/5"}
    return {"event": str(event), "connector": str(connector), "contract": str(contract), **fixed}


def _looked(client: TestClient, url: str, call: Call, query: str, who: str) -> Row:
    took: list[float] = []
    answer = client.get(url)
    while len(took) < FEW or (len(took) < MOST and sum(took) < LONG_SECONDS):
        began = time.monotonic()
        answer = client.get(url)
        took.append(time.monotonic() - began)
    words = f"{call.path}{'?' if query else ''}{query} by {who}"
    p50, p99 = (milliseconds(percentile(took, percent)) for percent in (50, 99))
    say(f"  {p50:>10} {p99:>10} {words}")
    how = "" if answer.is_success else f", answered with {answer.status_code}"
    return Row("pages", words + how, p50, f"p99 {p99} of {len(took)}", size(len(answer.content)), "< 50 ms")
