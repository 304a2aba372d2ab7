"""The configuration page, without a browser: what it shows, saves, refuses and keeps to itself."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from outbox.web.site import Site
from tests.conftest import Database
from tests.web import signed_in, site_on

NEW = "/configurations/connectors/new/reporting/webhook"


@pytest.fixture
def site(source_database: Database) -> Iterator[Site]:
    """The dashboard of the small contract application."""
    with site_on(source_database) as made:
        yield made


@pytest.fixture
def ada(site: Site) -> Iterator[TestClient]:
    """An admin of everything."""
    with signed_in(site) as client:
        yield client


def test_smoke(ada: TestClient) -> None:
    """X."""
    for url in ("/configurations", "/configurations/connectors/new", "/configurations/connectors/new/reporting", NEW):
        page = ada.get(url)
        assert page.status_code == 200, page.text[:3000]
