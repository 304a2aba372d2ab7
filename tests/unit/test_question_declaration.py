"""What a question's file declares, and every way in which it can be wrong."""

import pytest

from outbox.errors import ConfigurationError
from outbox.questions.declaration import Kind, Parameter, binds, declare

WRITTEN = """-- How many events has a contract? All of them,
-- whatever became of them.
-- param contract (text): id of the contract
-- param since (moment, default 7d): from this moment on
-- param business_unit (business unit, optional): this unit alone
-- param all (flag): those of tests too

SELECT count(*), '10:30 :x' AS text  -- not a :bind
FROM outbox_audit.events WHERE contract_id = :contract AND occurred_at >= CAST(:since AS timestamptz);
"""


def test_a_file_says_what_it_asks_what_it_needs_and_how() -> None:
    """The first comment is the question, each parameter has name, type, words and maybe a default."""
    asked = declare("events-of", WRITTEN)

    assert asked.answers == "How many events has a contract? All of them, whatever became of them."
    assert asked.title == "How many events has a contract?"
    assert asked.parameters == (
        Parameter("contract", Kind.TEXT, "id of the contract", required=True),
        Parameter("since", Kind.MOMENT, "from this moment on", required=False, default="7d"),
        Parameter("business_unit", Kind.BUSINESS_UNIT, "this unit alone", required=False),
        Parameter("all", Kind.FLAG, "those of tests too", required=False),
    )
    assert [one.option for one in asked.parameters] == ["--contract", "--since", "--business-unit", "--all"]


def test_only_parameters_are_bound() -> None:
    """A colon in a comment, a text or a cast binds nothing, and the statement ends without a semicolon."""
    statement = declare("events-of", WRITTEN).statement

    assert binds(statement) == {"contract", "since"}
    assert r"'10:30 \:x' AS text  -- not a \:bind" in statement
    assert not statement.endswith(";")


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("Bad Name", "-- A?\nSELECT 1", "file name of small letters"),
        ("q", "SELECT 1", "first comment that says what is asked"),
        ("q", "-- A?", "a statement below the comments"),
        ("q", "-- A?\nDELETE FROM outbox.event", "only asks: SELECT, WITH, VALUES or TABLE; got 'DELETE'"),
        ("q", "-- A?\n-- param x (txt): y\nSELECT :x", "unknown type 'txt'; did you mean 'text'?"),
        (
            "q",
            "-- A?\n-- param x text: y\nSELECT :x",
            "(TYPE, optional) or (TYPE, default VALUE); got '-- param x text",
        ),
        ("q", "-- A?\n-- param x (text): y\n-- param x (text): y\nSELECT :x", "'x' is declared twice"),
        ("q", "-- A?\n-- param format (text): y\nSELECT :format", "every question has an option of that name"),
        ("q", "-- A?\n-- param since (moment): y\nSELECT :sinse", "not declared; did you mean 'since'?"),
        ("q", "-- A?\n-- param since (moment): y\nSELECT :since::date", "expected CAST(:since AS type), got :since::"),
    ],
)
def test_a_wrong_file_is_refused_in_words(name: str, text: str, fault: str) -> None:
    """Each fault names the question and says what was expected."""
    with pytest.raises(ConfigurationError) as refused:
        declare(name, text)

    assert fault in str(refused.value)
    assert str(refused.value).startswith(f"question {name}: ")


def test_all_faults_are_told_at_once() -> None:
    """A file is mended once, not once for each fault."""
    with pytest.raises(ConfigurationError) as refused:
        declare("Q", "-- param x (txt): y\nUPDATE t SET a = 1")

    assert len(refused.value.faults) == 4


def test_the_units_of_who_asks_are_bound_without_being_declared() -> None:
    """`:within` makes a question scoped; in a comment or a text it does not, and no parameter has its name."""
    scoped = declare("q", "-- A?\nSELECT 1 WHERE CAST(:within AS text[]) IS NULL")
    plain = declare("q", "-- A?\nSELECT ':within' AS text  -- :within")

    assert (scoped.scoped, binds(scoped.statement)) == (True, frozenset({"within"}))
    assert (plain.scoped, binds(plain.statement)) == (False, frozenset())
    with pytest.raises(ConfigurationError, match="it is bound by itself, to the business units of who asks"):
        declare("q", "-- A?\n-- param within (text): whose\nSELECT :within")
