"""Columns under `never`: nothing of ours keeps them, whatever fails and whatever the failure says."""

from contextlib import closing
from typing import Any

import pytest

from outbox.install import recapture
from tests.conftest import Database
from tests.sources import MAPPING, QUERY, Source, all_text

BOOM = """
CREATE FUNCTION boom(secret text, code text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  IF secret IS NULL THEN RETURN 1; END IF;
  RAISE EXCEPTION 'bad password %', secret USING ERRCODE = code;
END $$;
"""
CODES = ("P0001", "22P02", "23514", "XX000", "28000", "42601", "0A000", "38000")


def kept(source: Source) -> str:
    """Every row that we keep."""
    with closing(source.database.connect()) as connection:
        return all_text(connection)


def failing(expression: str) -> dict[str, Any]:
    """The contract query with a column that may fail on a secret."""
    return {"query": QUERY.replace("c.title,", f"c.title, {expression} AS n,"), "never": ["password", "token"]}


@pytest.mark.parametrize(
    "expression", ["CAST(c.password AS integer)", *(f"public.boom(c.password, '{code}')" for code in CODES)]
)
def test_a_failure_quotes_no_secret(database: Database, expression: str) -> None:
    """Quotes in the value, exceptions of the application's own: the words are withheld, the code is kept."""
    source = Source(database)
    source.run(BOOM)
    source.install(contract=failing(expression))
    source.run("INSERT INTO contract (id, password) VALUES (1, 'x\"PLANTED\"y')")
    source.run("UPDATE contract SET title = 'b'; UPDATE contract SET title = 'c'")
    assert len(source.errors()) == 3
    assert {message for *_, message in source.errors()} == {
        "its words are withheld, for they may quote a value under `never`"
    }
    assert "PLANTED" not in kept(source)
    assert recapture(database.engine).failed == 3
    assert "PLANTED" not in kept(source)


def test_a_failed_recapture_quotes_no_secret(database: Database) -> None:
    """A rule that fails again while recapturing, on a joined table's secret: still nothing is kept of it."""
    source = Source(database)
    detail = "to_jsonb((SELECT CAST(r.token AS integer) FROM recipient r WHERE r.contract_id = new.contract_id))"
    source.install(capture=[*MAPPING["capture"][:3], {**MAPPING["capture"][3], "detail": detail}])
    source.run("INSERT INTO contract (id) VALUES (1)", "INSERT INTO recipient VALUES (1, 1, 'a', 'x\"PLANTED\"y')")
    source.run("INSERT INTO email VALUES (1, 'invitation', 'x')")
    assert recapture(database.engine).failed == 1
    assert [state for _, _, state, _ in source.errors()] == ["22P02"]
    assert "PLANTED" not in kept(source)


def test_words_that_name_objects_are_kept(database: Database) -> None:
    """A renamed column is named, so that people can mend the mapping, with `never` in force too."""
    source = Source(database)
    source.install()
    source.run("ALTER TABLE contract RENAME title TO name", "INSERT INTO contract (id) VALUES (1)")
    assert source.errors() == [("contract", None, "42703", "column c.title does not exist")]


def test_secrets_are_stripped_at_every_depth(database: Database) -> None:
    """Objects in arrays in objects; what is empty stays empty, scalars and null stay what they are."""
    source = Source(database)
    document = (
        '{"password": 1, "a": [{"token": 2, "b": {"token": 3, "c": 4}}, [], {}, null, 5], "d": {}, "e": [], "f": 1.50}'
    )
    assert source.rows(f"SELECT CAST(outbox.without('{document}', ARRAY['password', 'token']) AS text)") == [
        ('{"a": [{"b": {"c": 4}}, [], {}, null, 5], "d": {}, "e": [], "f": 1.50}',)
    ]


def test_a_document_is_computed_once(database: Database) -> None:
    """However often stripping looks at a document, the contract query's expressions run once for each."""
    source = Source(database)
    source.run(
        "CREATE SEQUENCE calls",
        "CREATE FUNCTION call() RETURNS bigint LANGUAGE plpgsql STABLE AS"
        " $$ BEGIN RETURN nextval('public.calls'); END $$",
    )
    source.install(contract=failing("(SELECT jsonb_build_object('n', public.call(), 'token', c.id))"))
    source.run("INSERT INTO contract (id) VALUES (1)")
    assert (source.errors(), source.document()["n"]) == ([], {"n": "1"})
    assert source.rows("SELECT nextval('calls')") == [(2,)]
