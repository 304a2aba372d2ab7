"""Users, tokens and one's own account on the pages: each deed works, is on record, and shows no secret twice."""

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from outbox.access import Role
from outbox.api_tokens import find_token
from outbox.people import people
from outbox.web.site import Site
from tests.conftest import Database
from tests.factories import connect
from tests.web import PASSWORD, add_user, client_of, csrf_of, post, sign_in, signed_in, site_on


@pytest.fixture
def site(database: Database) -> Iterator[Site]:
    """A site."""
    with site_on(database) as site:
        yield site


@pytest.fixture
def admin(site: Site) -> Iterator[TestClient]:
    """Ada's browser, who may all."""
    with signed_in(site) as client:
        yield client


def id_of(site: Site, name: str) -> int:
    """The number of a person."""
    with site.reading() as connection:
        return next(one.person.id for one in people(connection) if one.person.name == name)


def once(page: str) -> str:
    """The secret that a page shows this once."""
    found = re.search(r'id="once">([^<]+)<', page)
    assert found is not None, page
    return found[1]


def acts(database: Database) -> list[tuple[object, ...]]:
    """What is on record."""
    with connect(database) as connection:
        return connection.execute("SELECT who, act, object FROM outbox.access_record ORDER BY id").fetchall()


def test_a_password_that_is_made_is_shown_once_and_opens(site: Site, admin: TestClient, database: Database) -> None:
    """With role and limit as chosen; one that was typed is shown never."""
    made = post(admin, "/users", name="ben", password="", role="operator", limit="some", business_unit=["bu2", "bu1"])
    typed = post(admin, "/users", name="carl", password=PASSWORD, role="viewer", limit="none")

    password = once(made.text)
    assert typed.status_code == 303
    listed = admin.get("/users").text
    assert password not in listed
    assert "operator" in listed
    with client_of(site) as client:
        assert sign_in(client, "ben", password).status_code == 303
        account = client.get("/account").text
    assert "bu1" in account
    assert "also replays" in account
    with connect(database) as connection:
        told = connection.execute("SELECT string_agg(CAST(r AS text), '') FROM outbox.access_record r").fetchone()
    assert password not in str(told)
    assert ("ada", "added", "user 'ben'") in acts(database)


def test_faults_stand_at_their_fields(admin: TestClient, site: Site) -> None:
    """Every one at once, nothing typed lost but the password, nobody added."""
    wrong = post(admin, "/users", name=" ", password="short", role="admin", limit="some")
    taken = post(admin, "/users", name="ADA", password=PASSWORD, role="operator", limit="some", business_unit=["bu1"])

    assert wrong.status_code == taken.status_code == 422
    assert "expected a name of 1 to 100 printable characters" in wrong.text
    assert "expected a password of 12 to 1000 characters, got 5" in wrong.text
    assert "expected at least one, or no limit, got none" in wrong.text
    assert "short" not in wrong.text
    assert 'value="ADA"' in taken.text
    assert 'value="operator" checked' in taken.text
    assert 'value="bu1" checked' in taken.text
    with site.reading() as connection:
        assert len(people(connection)) == 1


def test_a_change_holds_from_the_next_request_on(site: Site, admin: TestClient, database: Database) -> None:
    """Role and limit are those of the moment; a new password and a removal end what was open."""
    with signed_in(site, "ben", Role.ADMIN) as ben:
        number = id_of(site, "ben")
        assert ben.get("/users").status_code == 200
        page = f"/users/{number}"
        assert post(admin, page, role="viewer", limit="some", business_unit="bu1").status_code == 303
        assert ben.get("/users").status_code == 403
        assert "bu1" in ben.get("/account").text
        post(admin, f"{page}/sign-out", page=page)
        assert ben.get("/account").status_code == 303
        sign_in(ben, "ben")
        made = once(post(admin, f"{page}/password", page=page, password="").text)
        assert ben.get("/account").status_code == 303
        sign_in(ben, "ben", made)
        assert post(admin, f"{page}/remove", page=page).status_code == 303
        assert ben.get("/account").status_code == 303
        assert sign_in(ben, "ben", made).status_code == 403
    assert admin.get(page).status_code == 404
    assert [act for who, act, of in acts(database) if who == "ada" and of == "user 'ben'"] == [
        "changed",
        "signed out",
        "changed the password of",
        "removed",
    ]


def test_one_admin_of_everything_stays(site: Site, admin: TestClient) -> None:
    """The last one is neither removed, demoted nor limited, by whatever way; with a second one the first may go."""
    add_user(site, "limited", Role.ADMIN, ("bu1",))
    page = f"/users/{id_of(site, 'ada')}"

    refused = [
        post(admin, f"{page}/remove", page=page),
        post(admin, page, role="operator", limit="none"),
        post(admin, page, role="admin", limit="some", business_unit="bu1"),
    ]

    assert [one.status_code for one in refused] == [409] * 3
    assert all("the last admin who isn&#39;t limited" in one.text for one in refused)
    assert post(admin, page, role="admin", limit="none").status_code == 303
    add_user(site, "ben", Role.ADMIN)
    assert post(admin, page, role="viewer", limit="none").status_code == 303
    assert admin.get("/users").status_code == 403


@pytest.mark.parametrize(("role", "within"), [(Role.VIEWER, None), (Role.OPERATOR, None), (Role.ADMIN, ("bu1",))])
def test_users_and_tokens_are_for_admins_of_everything(site: Site, role: Role, within: tuple[str, ...] | None) -> None:
    """Nobody else sees them, is led to them, or changes anything there."""
    with signed_in(site, "ben", role, within) as client:
        csrf = csrf_of(client.get("/account"))
        number = id_of(site, "ben")
        assert 'href="/users"' not in client.get("/account").text
        for url in ("/users", f"/users/{number}", "/tokens"):
            assert client.get(url).status_code == 403
        for url in ("/users", f"/users/{number}", f"/users/{number}/password", "/tokens", "/tokens/1/revoke"):
            assert client.post(url, data={"csrf": csrf, "name": "x", "role": "admin"}).status_code == 403


def test_a_token_is_shown_once_and_revoked_for_good(site: Site, admin: TestClient, database: Database) -> None:
    """It opens the API within its role and limit until then; the list has its beginning and when it was used."""
    made = post(admin, "/tokens", name="nightly", role="operator", limit="some", business_unit="bu1", days="30")
    token = once(made.text)

    with site.writing() as connection:
        access = find_token(connection, token)
    listed = admin.get("/tokens").text
    assert access is not None
    assert (access.role, access.within) == (Role.OPERATOR, ("bu1",))
    assert token not in listed
    assert f"{token[:11]}…" in listed
    again = post(admin, "/tokens", name="nightly", role="viewer", limit="none", days="x")
    assert "expected a number of days, got &#39;x&#39;" in again.text
    assert "which a token has" in post(admin, "/tokens", name="Nightly", role="viewer", limit="none", days="").text
    (revoke,) = re.findall(r'action="(/tokens/\d+/revoke)"', listed)
    assert post(admin, revoke, page="/tokens").status_code == 303
    assert post(admin, revoke, page="/tokens").status_code == 404
    with site.writing() as connection:
        assert find_token(connection, token) is None
    assert [act for _, act, of in acts(database) if of == "token 'nightly'"] == ["made", "revoked"]


def test_one_changes_ones_own_password_by_the_present_one(site: Site, admin: TestClient, database: Database) -> None:
    """Other sessions end, this one stays; whoever has the session alone tries a few times, then not at all."""
    new = "another long password"
    with client_of(site) as other:
        sign_in(other, "ada")
        fields = {"page": "/account", "password": new, "again": new}
        assert "expected your present password" in post(admin, "/account/password", current="wrong", **fields).text
        differs = post(admin, "/account/password", page="/account", current=PASSWORD, password=new, again="x")
        assert "expected the same password again" in differs.text
        short = post(admin, "/account/password", page="/account", current=PASSWORD, password="a", again="a")
        assert "expected a password of 12 to 1000 characters, got 1" in short.text
        assert other.get("/account").status_code == 200
        assert post(admin, "/account/password", current=PASSWORD, **fields).status_code == 303
        assert other.get("/account").status_code == 303
        assert admin.get("/account").status_code == 200
        assert sign_in(other, "ada").status_code == 403
        assert sign_in(other, "ada", new).status_code == 303
        assert post(admin, "/account/sign-out-elsewhere", page="/account").status_code == 303
        assert other.get("/account").status_code == 303
    assert ("ada", "changed the password of", "user 'ada'") in acts(database)
    tried = [post(admin, "/account/password", current="wrong", **fields).status_code for _ in range(4)]
    assert tried[-1] == 429
