"""What a proposal makes of names, values and links; no database here."""

import tomllib
from dataclasses import replace

import pytest

from outbox.mapping import Mapping
from outbox.proposal import propose, to_sample, words
from outbox.proposal.candidates import choose, find_table
from outbox.proposal.choice import Sureness
from outbox.proposal.columns import holds_json, is_bookkeeping, is_secret
from outbox.proposal.facts import Link, LiveColumn, LiveIndex, LiveTable, Survey
from outbox.proposal.links import with_implied
from outbox.proposal.status import is_open
from outbox.proposal.toml import write

TEXT, NUMBER, MOMENT = "text", "bigint", "timestamp with time zone"


def table(oid: int, name: str, rows: float = 100, /, **columns: str) -> LiveTable:
    """A table with an id, and columns by name and type; an index on the id alone."""
    found = (LiveColumn("id", NUMBER, not_null=True), *(LiveColumn(key, kind) for key, kind in columns.items()))
    index = LiveIndex(("id",), unique=True, whole=True)
    return LiveTable(oid, "public", name, f"public.{name}", rows, found, primary_key=("id",), indexes=(index,))


def survey(*tables: LiveTable, links: tuple[Link, ...] = ()) -> Survey:
    """A look at a database with these tables."""
    return with_implied(Survey({one.oid: one for one in tables}, links))


CONTRACT = table(1, "contract", status=TEXT, title=TEXT, unit_id=NUMBER)
UNIT = table(2, "unit", name=TEXT)


@pytest.mark.parametrize(
    ("name", "known", "least", "most"),
    [
        ("contracts", words.CONTRACT, 10, 10),
        ("tbl_contract", words.CONTRACT, 10, 10),
        ("Verträge", words.CONTRACT, 10, 10),
        ("Rahmenvertrag", words.CONTRACT, 8, 9),
        ("contract_item", words.CONTRACT, 1, 4),
        ("customer", words.CONTRACT, 0, 0),
        ("BusinessUnitId", words.BUSINESS_UNIT, 10, 10),
        ("geschäftsbereich_nr", words.BUSINESS_UNIT, 9, 9),
        ("ExpiresAt", words.EXPIRY, 10, 10),
        ("gültig_bis", words.EXPIRY, 10, 10),
        ("vertragsempfaenger", words.RECIPIENT, 8, 9),
        ("status", words.STATUS, 10, 10),
    ],
)
def test_names_are_read_in_several_languages(name: str, known: words.Words, least: float, most: float) -> None:
    """Case, underscores, plurals, umlauts and compounds don't hide a word; one in front of another tells little."""
    assert least <= words.score(name, known) <= most


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((one, True) for one in ("draft", "SENT", "OutForSignature", "out_for_signature", "In Prüfung", "entwurf")),
        *((one, False) for one in ("signed", "Cancelled", "gekündigt", "UNTERSCHRIEBEN", "fully_paid")),
        *((one, None) for one in ("not signed", "7", "", "teilweise bezahlt", "quux")),
    ],
)
def test_a_status_is_open_closed_or_not_known(*, value: str, expected: bool | None) -> None:
    """A word that is not known, or is turned round by another, is not guessed at."""
    assert is_open(value) is expected


@pytest.mark.parametrize("name", ["password_hash", "AccessToken", "apiKey", "kennwort", "client_secret", "salt"])
def test_secrets_are_told_by_name(name: str) -> None:
    """What must never be kept is seen in any spelling."""
    assert is_secret(LiveColumn(name, TEXT))


@pytest.mark.parametrize(
    ("name", "kind"), [("token_expires_at", MOMENT), ("has_password", "boolean"), ("hashtag", TEXT)]
)
def test_what_only_speaks_of_a_secret_is_none(name: str, kind: str) -> None:
    """A moment or a flag about a secret, and a longer word, are reported."""
    assert not is_secret(LiveColumn(name, kind))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(
            (one, True)
            for one in ("updated_at", "ModifiedOn", "last_viewed_at", "geändert_am", "rowVersion", "updatedAt")
        ),
        *((one, False) for one in ("created_at", "signed_at", "version", "viewer", "title")),
    ],
)
def test_bookkeeping_is_told_by_name(*, name: str, expected: bool) -> None:
    """What says when a row was touched or looked at is no news about a contract; what says what happened is."""
    assert is_bookkeeping(LiveColumn(name, MOMENT)) is expected


def test_two_tables_alike_are_a_guess_that_names_both() -> None:
    """The nearer one is proposed, and the other is said."""
    chosen = choose(survey(CONTRACT, replace(CONTRACT, oid=3, name="agreement", sql="public.agreement"), UNIT), None)
    assert chosen.sureness is Sureness.GUESS
    assert "is as near" in chosen.why


def test_a_table_without_a_key_is_not_taken() -> None:
    """Without a key no contract can be told from another."""
    keyless = replace(CONTRACT, primary_key=(), indexes=())
    with pytest.raises(Exception, match="no table reads like one of contracts"):
        choose(survey(keyless), None)
    with pytest.raises(Exception, match="expected a table with a key"):
        choose(survey(keyless), "contract")


def test_a_name_in_two_schemas_asks_for_the_schema() -> None:
    """`contract` is not enough where there are two; `public.contract` is."""
    twice = survey(CONTRACT, replace(CONTRACT, oid=3, schema="old", sql="old.contract"))
    with pytest.raises(Exception, match="stands in several schemas"):
        find_table(twice, "contract", "--contract-table")
    assert find_table(twice, "public.contract", "--contract-table") == CONTRACT


def test_references_without_a_foreign_key_are_told_by_name_and_type() -> None:
    """`unit_id` is one of unit's ids where the types agree, and where only one table is called so."""
    assert [one.to_table for one in survey(CONTRACT, UNIT).links] == [2]
    assert not survey(CONTRACT, replace(UNIT, columns=(LiveColumn("id", "uuid"),))).links
    assert not survey(CONTRACT, UNIT, replace(UNIT, oid=3, name="units")).links


def test_a_link_that_nothing_declares_is_joined_outer_and_never_sure() -> None:
    """Its row may be missing, so a contract must not be lost for it."""
    division = table(4, "division", name=TEXT)
    project = table(5, "project", division_id=NUMBER)
    contract = table(1, "contract", status=TEXT, project_id=NUMBER)
    found = survey(contract, project, division)
    proposal = propose(found, choose(found, None))
    assert proposal.joins == ("LEFT JOIN public.project p ON p.id = c.project_id",)
    assert proposal.unit.sql == "coalesce(CAST(p.division_id AS text), 'none')"
    (unit,) = (one for one in proposal.choices if one.what == "business unit")
    assert unit.sureness is not Sureness.SURE


def test_json_is_told_by_every_sampled_value() -> None:
    """Three values at least, all objects or lists; a number or a broken one makes it a text."""
    found = survey(CONTRACT)
    title = CONTRACT.by_name["title"]

    def told(*values: str) -> bool:
        return holds_json(replace(found, samples={(1, "title"): values}), CONTRACT, title)

    assert told('{"a": 1}', "[]", '{"b": null}')
    assert not told('{"a": 1}', "[]")
    assert not told('{"a": 1}', "[]", "{broken")
    assert not told("1", "2", "3")


def test_secrets_are_not_even_looked_at() -> None:
    """No value of a column that is named like a secret is read."""
    contract = table(1, "contract", status=TEXT, access_token=TEXT, title=TEXT)
    assert to_sample(survey(contract), contract) == {1: ("status", "title")}


def test_the_status_of_few_values_says_who_can_expire() -> None:
    """The open values of the statistics are the condition; what is not known is asked."""
    status = LiveColumn("status", TEXT, distinct=3, frequent=("draft", "signed", "quux"))
    contract = replace(CONTRACT, columns=(*CONTRACT.columns[:1], status, LiveColumn("expires_at", MOMENT)))
    found = survey(contract)
    proposal = propose(found, choose(found, None))
    assert proposal.expiry is not None
    assert proposal.expiry.open == "status IN ('draft')"
    assert any("in status quux?" in one for one in proposal.questions)


def test_no_open_value_leaves_expiry_out() -> None:
    """Where no status is known to be open, the section stands in comments, and the file is a mapping still."""
    status = LiveColumn("status", NUMBER, distinct=3, frequent=("1", "2", "3"))
    contract = replace(CONTRACT, columns=(*CONTRACT.columns[:1], status, LiveColumn("expires_at", MOMENT)))
    found = survey(contract)
    written = write(propose(found, choose(found, None)))
    mapping = Mapping.model_validate(tomllib.loads(written))
    assert mapping.expired is None
    assert "# [expired]" in written


def test_indexes_that_are_missing_are_said_with_what_happens_without() -> None:
    """A deadline that is sought, a child that is listed: CREATE INDEX; concurrently, but on partitioned tables."""
    child = replace(table(6, "recipient", 50_000, contract_id=NUMBER, email=TEXT), partitioned=True)
    contract = table(1, "contract", 50_000, status=TEXT, expires_at=MOMENT)
    found = survey(contract, child)
    proposal = propose(found, choose(found, None))
    assert [(one.ddl, bool(one.without)) for one in proposal.indexes] == [
        ("CREATE INDEX ON public.recipient (contract_id);", True),
        ("CREATE INDEX CONCURRENTLY ON public.contract (expires_at);", False),
    ]
    assert [one.name for one in proposal.outputs if not one.active] == ["recipients"]


def test_before_json_can_be_tested_a_text_stays_one() -> None:
    """PostgreSQL 15 has no IS JSON, so a cast could fail: it is only said."""
    found = replace(survey(CONTRACT), samples={(1, "title"): ("{}", "[]", '{"a": 1}')})
    old = replace(found, version=150_004)
    assert "CASE WHEN c.title IS JSON" in write(propose(found, choose(found, None)))
    assert "IS JSON" not in write(propose(old, choose(old, None)))
    assert "fails at a row that is none" in write(propose(old, choose(old, None)))
