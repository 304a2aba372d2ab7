"""Tokens of the API: what they open, and what not."""

from outbox.access import Role
from outbox.api_tokens import revoke_token, tokens
from tests.conftest import Database
from tests.web import add_token, client_of, site_on


def test_a_token_opens_what_it_may(database: Database) -> None:
    """It says who it is; an unknown one and none open nothing; a revoked one neither."""
    with site_on(database) as site, client_of(site) as client:
        token = add_token(site, "reporting", Role.VIEWER, ("bu1",))
        answer = client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
        assert answer.json() == {"name": "reporting", "role": "viewer", "business_units": ["bu1"]}
        with site.writing() as connection:
            known = tokens(connection)
            assert [(one.name, one.hint, one.used_at is not None) for one in known] == [("reporting", token[:11], True)]
            assert revoke_token(connection, known[0].id) == "reporting"
        assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 401
        assert client.get("/api/v1/me").status_code == 401
