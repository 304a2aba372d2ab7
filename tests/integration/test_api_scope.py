"""A token that is limited to a business unit learns nothing of another by any operation of the document.

What only reads is looked at in `test_web_sweeps.py`, for every route; here are the operations that do something, the
questions, cursors, and every parameter that the document has.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest

from outbox.access import Role
from outbox.web.api import document
from tests.calls import WEBHOOK, Calls, calls_on
from tests.conftest import Database
from tests.dashboard_sample import ALFA, ZULU, Planted, install_dashboard_sample, plant
from tests.factories import Connection, connect
from tests.postgres import Server
from tests.web import site_on

OPERATIONS = [
    (method.upper(), path, operation)
    for path, operations in document()["paths"].items()
    for method, operation in operations.items()
]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]
PASSING = re.compile(r"urn:uuid:[\w-]+")
OF_ZULU = re.compile(rf"zulu|\b{ZULU.contracts // 1000}\d{{3}}\b|\b{ZULU.events // 1000}\d{{3}}\b", re.IGNORECASE)
ABSENT = {"connector_id": "99999", "event_id": "77777777", "contract_id": "7654321", "name": "why-not"}
WORDS = {
    "contract": (str(ZULU.contracts), "7654321"),
    "business_unit": (ZULU.id, "9077"),
    "connector": ("zulu crm", "xulx crm"),
    "name": ("zulu crm", "xulx crm"),
    "event": (str(ZULU.events + 1), "77777777"),
}
"""Parameters by which somebody asks for what is a unit's own: a word of the other's, and one that is nobody's."""
NEUTRAL = {
    *("limit", "cursor", "since", "until", "trigger", "state", "outcome", "status_code", "error", "reason", "late"),
    *("days", "allow_unknown", "If-Match", "If-None-Match", "number"),
}
"""Parameters that name nobody's; a new one must be put here, or above."""
BODIES: Mapping[str, Any] = {
    "ConnectorBody": WEBHOOK,
    "ConnectorPatch": {"timeout_seconds": 5},
    "Disabling": {},
    "Bulk": {"since": "30d", "state": "pending", "dry_run": False},
    "Asking": {},
}


@dataclass
class Ground:
    """A database of two units, an admin who is limited to one, and one who isn't."""

    sql: Connection
    limited: Calls
    admin: Calls
    alfa: Planted
    zulu: Planted

    def parts(self, planted: Planted) -> dict[str, str]:
        """What of a unit stands for each part of a path."""
        event, connector = planted.deliveries["pending"]
        return {
            "connector_id": str(connector),
            "event_id": str(event),
            "contract_id": planted.contract,
            "name": "why-not",
            "number": "1",
        }

    def of_zulu(self) -> object:
        """All that stands of the other unit, to see that nothing was done to it."""
        return [
            self.sql.execute(f"SELECT CAST(t AS text) FROM outbox.{table} AS t ORDER BY 1".encode()).fetchall()  # noqa: S608
            for table in ("queue", "replay", "attempt", "connector", "health")
        ]


@pytest.fixture(scope="module")
def ground(server: Server, template: str) -> Iterator[Ground]:
    """Both planted alike."""
    name = "scoped"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as dba:
        dba.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    install_dashboard_sample(server, name)
    database = Database(server, name)
    with site_on(database) as site, connect(database) as sql:
        alfa, zulu = (plant(database, sql, site.box, unit) for unit in (ALFA, ZULU))
        with calls_on(site, Role.ADMIN, (ALFA.id,)) as limited, calls_on(site) as admin:
            yield Ground(sql, limited, admin, alfa, zulu)
    database.dispose()


def told(answer: httpx2.Response, *names: str) -> str:
    """What an answer tells, without what differs each time and what was asked for."""
    text = PASSING.sub("", answer.text)
    for name in names:
        text = text.replace(name, "…")
    return f"{answer.status_code} {text}"


def body_of(operation: Mapping[str, Any]) -> Any:
    """A body that the operation takes."""
    content = operation.get("requestBody", {}).get("content", {})
    return next((BODIES[one["schema"]["$ref"].rpartition("/")[2]] for one in content.values()), None)


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_what_belongs_to_others_is_as_what_is_not_there(
    ground: Ground, method: str, path: str, operation: Mapping[str, Any]
) -> None:
    """An id of another unit in a path answers as one that nobody has, and nothing is done to it."""
    named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path" and one["name"] in ABSENT]
    theirs, none = ground.parts(ground.zulu), {**ground.parts(ground.zulu), **ABSENT}
    if not set(named) - {"name"}:
        assert "{" not in path.replace("{name}", ""), "say in ABSENT what is nobody's"
        return
    before = ground.of_zulu()
    answers = [
        ground.limited.make(method, path.format(**parts), body_of(operation), match="*") for parts in (theirs, none)
    ]
    assert answers[0].status_code == 404
    assert told(answers[0]) == told(answers[1])
    assert ground.of_zulu() == before


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_a_word_of_others_in_a_query_or_a_body_tells_nothing(
    ground: Ground, method: str, path: str, operation: Mapping[str, Any]
) -> None:
    """It answers as one that nobody has, parameter by parameter; the other unit's words are in no answer."""
    parts, body = ground.parts(ground.alfa), body_of(operation)
    in_query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
    unknown = {one["name"] for one in operation.get("parameters", ())} - NEUTRAL - set(WORDS) - set(ABSENT)
    assert unknown == set(), "say in WORDS or NEUTRAL what it is"
    asked = [({name: one} for one in WORDS[name]) for name in in_query if name in WORDS]
    for theirs, none in asked:
        pair = [ground.limited.make("GET", path.format(**parts), **query) for query in (theirs, none)]
        assert told(pair[0], *theirs.values()) == told(pair[1], *none.values())
        assert OF_ZULU.findall(told(pair[0], *theirs.values())) == []
    if path.endswith(("/replay", "/cancel")) and "{" not in path:
        for name in set(WORDS) - {"name"}:
            values = [int(one) if name == "event" else one for one in WORDS[name]]
            pair = [ground.limited.make(method, path, {**body, name: value}) for value in values]
            assert told(pair[0], WORDS[name][0]) == told(pair[1], WORDS[name][1])


def test_what_is_done_to_all_is_done_to_ones_own(ground: Ground) -> None:
    """Counting, replaying and cancelling by a filter that fits both units reaches one, and tells of one."""
    waiting = "SELECT event_id FROM outbox.queue WHERE event_id > %s ORDER BY event_id"
    before = ground.sql.execute(waiting, [ZULU.events]).fetchall()
    done = (("cancel", "blocked", 1), ("cancel", "pending", 1), ("replay", "dead", 1), ("replay", "cancelled", 3))
    for act, state, total in done:
        for dry_run in (True, False):
            asked = {"state": state, "since": "30d", "dry_run": dry_run}
            answer = ground.limited.post(f"/deliveries/{act}", asked)
            assert (answer.status_code, OF_ZULU.findall(answer.text)) == (200, [])
            assert answer.json()["total"] == total, asked
    assert ground.sql.execute(waiting, [ZULU.events]).fetchall() == before


def test_no_question_tells_of_others(ground: Ground) -> None:
    """Each that may be asked, by words of the other unit and by words of nobody, answers alike."""
    questions = ground.limited.get("/questions").json()["questions"]
    assert {"why-not", "proof", "differs", "contract-story"} <= {one["name"] for one in questions}
    for question in questions:
        known = {one["name"]: WORDS.get(one["name"]) for one in question["parameters"]}
        own = {
            "contract": ground.alfa.contract,
            "connector": "alfa crm",
            "event": str(ground.alfa.deliveries["dead"][0]),
        }
        needed = {one["name"]: own[one["name"]] for one in question["parameters"] if one["required"]}
        answers = [ground.limited.post(f"/questions/{question['name']}", {"parameters": needed})]
        for name, words in known.items():
            if words is None:
                continue
            asked = ({"parameters": {**needed, name: word}} for word in words)
            theirs, none = (ground.limited.post(f"/questions/{question['name']}", one) for one in asked)
            assert told(theirs, words[0]) == told(none, words[1]), (question["name"], name)
            answers.append(theirs)
        for answer in answers:
            assert OF_ZULU.findall(told(answer, *(word[0] for word in WORDS.values()))) == [], question["name"]


@pytest.mark.parametrize("path", ["/events", "/attempts", "/deliveries", "/connectors"])
def test_a_cursor_of_others_leads_to_ones_own(ground: Ground, path: str) -> None:
    """Whoever gave it: what follows is what they may see."""
    there = ground.admin.get(path, limit=1).json()["next"]
    answer = ground.limited.client.get(there, headers=ground.limited.headers)
    assert (answer.status_code, OF_ZULU.findall(answer.text)) == (200, [])
