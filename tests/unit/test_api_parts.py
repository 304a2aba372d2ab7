"""The API's pure parts: merge patches, cursors, exact answers, and the document as a page tells it."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from outbox.canonical import Digits
from outbox.model import Trigger
from outbox.web.api import document
from outbox.web.api.connector_changes import merge
from outbox.web.api.exact import ExactResponse, text_of
from outbox.web.api.pages import read, written
from outbox.web.api.problems import ProblemError, fields_of
from outbox.web.api.reference import Kind, kind, reference

AT = datetime(2026, 11, 25, 4, 50, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_is_that_of_the_standard(target: Any, patch: Any, merged: Any) -> None:
    """Every example of RFC 7396, appendix A."""
    assert merge(target, patch) == merged


def test_a_cursor_reads_back_as_the_key_that_it_was_written_of() -> None:
    """Moments to the microsecond, whatever their zone; texts of any sign."""
    key = [AT.astimezone(timezone(timedelta(hours=5))), 2**63 - 1, 3, True, "crm / ä"]
    assert read(written(key), datetime, int, int, bool, str) == [AT, *key[1:]]
    assert read(None, int) is None


@pytest.mark.parametrize(
    "cursor",
    ["", "?", "ä", "bm8", written([1, 2]), written(["1"]), written([True]), written([-1]), written([2**63]), "MQ"],
)
def test_a_cursor_that_we_did_not_write_is_refused(cursor: str) -> None:
    """Whatever it is made of: as a fault of the parameter, no failure of ours."""
    with pytest.raises(ProblemError) as refused:
        read(cursor, int)
    assert [field for field, _ in refused.value.errors] == ["cursor"]


def test_answers_are_exact() -> None:
    """Numbers by their digits, moments in UTC, words as words, bytes as text, or marked where they are none."""
    told = ExactResponse(
        {
            "at": AT.astimezone(timezone(timedelta(hours=5))),
            "numbers": (Decimal("1.500"), Digits("1e-7"), 2**70, 1.5),
            "word": Trigger.CREATE,
            "body": memoryview("ä".encode()),
        }
    ).body
    numbers = "[1.500,1e-7,1180591620717411303424,1.5]"
    written_out = bytes(told).decode()
    assert written_out == f'{{"at":"2026-11-25T04:50:00.123456Z","numbers":{numbers},"word":"create","body":"ä"}}'
    assert text_of(b"\xff") == "data:;base64,/w=="
    assert text_of(b"data:;base64,x") == "data:;base64,ZGF0YTo7YmFzZTY0LHg="


def test_faults_are_told_by_field() -> None:
    """As the rest of the product words them; what names no field has none."""
    said = ["crm: url: expected a URL", "--since: expected a moment", "business unit: expected one", "it is: so, so"]
    assert [field for field, _ in fields_of(said, "crm")] == ["url", "since", "business_unit", "it_is"]
    assert fields_of(["expected a new name, got 'x'"]) == [("", "expected a new name, got 'x'")]


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        ({"type": "string", "maxLength": 200, "minLength": 1}, Kind("text, 1 to 200 signs")),
        ({"type": "integer", "maximum": 2**63 - 1}, Kind("whole number")),
        ({"type": "string", "format": "date-time"}, Kind("moment")),
        ({"type": "array", "items": {"$ref": "#/components/schemas/X"}}, Kind("list of ", "X")),
        ({"anyOf": [{"$ref": "#/components/schemas/X"}, {"type": "null"}]}, Kind("", "X", " or null")),
        ({"type": "object", "additionalProperties": {"type": "string"}}, Kind("object of text")),
        ({"const": "set"}, Kind("set")),
        ({}, Kind("any JSON")),
    ],
)
def test_a_schema_is_told_in_few_words(schema: dict[str, Any], told: Kind) -> None:
    """What a value is, with the name of its shape."""
    assert kind(schema) == told


def test_the_document_is_complete() -> None:
    """Each operation and parameter has words, each body a known shape, each refusal a problem, each call a token."""
    lacking: list[str] = []
    for path, operations in document()["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            lacking += [where] if not operation.get("description") or operation["security"] != [{"token": []}] else []
            lacking += [
                f"{where}: {one['name']}" for one in operation.get("parameters", ()) if not one.get("description")
            ]
            lacking += [f"{where}: no body"] if method in ("put", "patch") and "requestBody" not in operation else []
            for status, answer in operation["responses"].items():
                types = list(answer.get("content", {}))
                lacking += [f"{where}: {status}"] if status >= "400" and types != ["application/problem+json"] else []
                lacking += [f"{where}: {status}"] if not answer["description"].endswith(".") else []
    assert lacking == []


def test_the_page_has_what_the_document_has() -> None:
    """Every operation once, with every shape that it names, and those that these name."""
    told = reference(document())
    ids = [one.id for _, operations in told.themes for one in operations]
    assert sorted(ids) == sorted(one["operationId"] for each in document()["paths"].values() for one in each.values())
    made = told.operation("create_connector")
    assert made is not None
    assert {"ConnectorBody", "ConnectorMade", "Trigger", "Mapped"} <= {one.name for one in told.shapes_of(made)}
    assert told.operation("nothing") is None
