"""What is said where PostgreSQL refuses something for want of a right."""

import pytest

from outbox.lack import Lack
from outbox.suggest import suggestion


@pytest.mark.parametrize(
    ("words", "name", "said"),
    [
        (
            "permission denied for schema s",
            "s",
            "owner lacks USAGE on schema s; as its owner: GRANT USAGE ON SCHEMA s TO owner",
        ),
        (
            "permission denied for table agreement",
            "s.agreement",
            "owner lacks SELECT on table s.agreement; as its owner: GRANT SELECT ON s.agreement TO owner",
        ),
        (
            "permission denied for view deal",
            None,
            "owner lacks SELECT on view deal; as its owner: GRANT SELECT ON deal TO owner",
        ),
        (
            "permission denied for function worth",
            None,
            "owner lacks EXECUTE on function worth; as its owner: GRANT EXECUTE ON FUNCTION worth TO owner",
        ),
        (
            'query would be affected by row-level security policy for table "deal"',
            None,
            "ALTER ROLE owner BYPASSRLS, or a policy by which it sees every row",
        ),
        (
            "must be owner of table deal",
            None,
            "owner lacks a right: must be owner of table deal; as the owner of what it names: grant it to owner",
        ),
    ],
)
def test_a_missing_right_is_told_with_the_statement_that_gives_it(words: str, name: str | None, said: str) -> None:
    """Who lacks which right on what, and what its owner must say."""
    assert str(Lack.read("owner", words, name)).endswith(said)


def test_nobody_is_asked_whether_he_meant_what_he_wrote() -> None:
    """A name that is known and still did not do is not suggested; the nearest other one is."""
    assert suggestion("s.deal", ["s.deal", "s.deals"]) == "did you mean 's.deals'?"
    assert suggestion("s.deal", ["s.deal", "other"]) == "known: other"
