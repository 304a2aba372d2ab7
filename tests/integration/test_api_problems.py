"""What can't be done is told as problem details, whatever it is; who has no token that holds learns nothing."""

import io
import json
import sys
from collections.abc import Iterator
from itertools import product

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.api_tokens import revoke_token, tokens
from outbox.log import configure_log
from outbox.settings import Log
from outbox.web.api import document
from outbox.web.api.bodies import MOST_BYTES
from outbox.web.api.problems import TITLES
from outbox.web.app import make_app
from outbox.web.site import Site
from tests.calls import API, WEBHOOK, Calls, calls_on, fields
from tests.conftest import Database
from tests.web import add_token, add_user, client_of, sign_in, site_on


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site on a database with nothing in it."""
    with site_on(database) as site:
        yield site


@pytest.fixture
def calls(site: Site) -> Iterator[Calls]:
    """An admin's."""
    with calls_on(site) as calls:
        yield calls


def test_every_failure_is_a_problem(calls: Calls) -> None:
    """Unknown paths and methods, wrong queries, paths, bodies and types: one shape, with the words of each."""
    big = b'{"name": "' + b"x" * MOST_BYTES + b'"}'
    tried = [
        (calls.get("/nothing"), 404, []),
        (calls.make("PUT", "/connectors"), 405, []),
        (calls.get("/connectors", limt=3), 422, ["limt"]),
        (calls.get("/connectors", limit=1_000), 422, ["limit"]),
        (calls.get("/connectors", cursor="???"), 422, ["cursor"]),
        (calls.get("/connectors/one"), 422, ["connector_id"]),
        (calls.get("/deliveries", since="yesterday"), 422, ["since"]),
        (calls.get("/attempts", since="1h", until="2h"), 422, ["since"]),
        (calls.get("/events", contract="a\0b"), 422, ["contract"]),
        (calls.post("/connectors", b"{"), 400, []),
        (calls.post("/connectors", b'{"timeout_seconds": NaN}'), 400, []),
        (calls.post("/connectors", b"\xff"), 400, []),
        (
            calls.post("/connectors", {**WEBHOOK, "business_units": ["a\0b"]}, allow_unknown="true"),
            422,
            ["business_units.0"],
        ),
        (calls.post("/connectors", big), 413, []),
        (calls.client.post(f"{API}/connectors", headers=calls.headers, data={"name": "crm"}), 415, []),
        (calls.post("/deliveries/replay", {}), 422, ["state"]),
        (calls.post("/questions/why-not", {}), 422, ["event", "connector"]),
        (calls.post("/questions/nothing", {}), 404, []),
    ]
    for answer, status, named in tried:
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json"), answer.text
        problem = answer.json()
        assert list(problem) == ["type", "title", "status", "detail", "instance", "errors"]
        assert (problem["type"], problem["title"], problem["status"]) == (
            f"/api#problem-{status}",
            TITLES[status],
            status,
        )
        assert (problem["detail"] != "", problem["instance"][:9], fields(answer)) == (True, "urn:uuid:", named)
    assert tried[1][0].headers["Allow"] == "GET, POST"
    assert tried[14][0].headers["Accept-Post"] == "application/json"
    assert "did you mean 'limit'?" in tried[2][0].text


def test_our_own_fault_stands_in_the_log_alone(database: Database, site: Site) -> None:
    """The answer has no word of it, but the instance under which the log has it."""
    log = io.StringIO()
    configure_log(Log(level="debug", format="json"), log)
    token = add_token(site)
    with database.engine.begin() as connection:
        connection.execute(text("ALTER TABLE outbox.connector RENAME COLUMN url TO planted_word"))
    with TestClient(make_app(site), raise_server_exceptions=False) as client:
        answer = Calls(client, token).get("/connectors")
    configure_log(Log(level="debug", format="json"), sys.__stderr__)
    problem = answer.json()
    assert (answer.status_code, "url" in answer.text, "planted" in answer.text) == (500, False, False)
    [line] = [json.loads(one) for one in log.getvalue().splitlines() if "call_failed" in one]
    assert (line["instance"], "url" in line["error"]) == (problem["instance"], True)


def test_without_a_token_that_holds_nothing_is_told(site: Site) -> None:
    """401 with the challenge, for every operation: no token, an unknown one, a revoked one, a session's cookie."""
    add_user(site)
    revoked = add_token(site)
    with site.writing() as connection:
        revoke_token(connection, tokens(connection)[0].id)
    with client_of(site) as client:
        sign_in(client, "ada")
        every = [(method.upper(), path) for path, operations in document()["paths"].items() for method in operations]
        for (method, path), token in product(every, (None, "outbox_none", revoked)):
            answer = Calls(client, token).make(method, path)
            assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json"), path
            assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="outbox"')
            assert ("invalid_token" in answer.headers["WWW-Authenticate"]) == (token is not None)


def test_a_role_that_does_not_suffice_is_told_what_would(site: Site) -> None:
    """403: a viewer acts on nothing, an operator configures nothing."""
    for role, method, path in (
        (Role.VIEWER, "POST", "/connectors/1/enable"),
        (Role.VIEWER, "POST", "/deliveries/replay"),
        (Role.OPERATOR, "POST", "/connectors"),
        (Role.OPERATOR, "DELETE", "/connectors/1"),
    ):
        with calls_on(site, role, (f"{path}",)) as calls:
            answer = calls.make(method, path)
        assert (answer.status_code, "expected the role" in answer.json()["detail"]) == (403, True)
