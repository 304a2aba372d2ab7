"""A browser, pages in it, and a served application, for the tests that see the dashboard as a person does."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.browser import Faults, Serve, chromium, open_page, serving


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests of this process."""
    with chromium() as running:
        yield running


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves applications on loopback until the test ends; gives each one's URL."""
    with ExitStack() as stack:
        yield lambda app: stack.enter_context(serving(app))


@pytest.fixture
def faults() -> Iterator[Faults]:
    """What went wrong in any page of the test; whatever stands in it at the end fails the test."""
    found = Faults()
    yield found
    assert found == []


@pytest.fixture
def make_page(browser: Browser, faults: Faults) -> Iterator[Callable[..., Page]]:
    """Makes pages, each in a context of its own: `dark`, `phone`, and what Browser.new_context takes."""
    made: list[Page] = []

    def make(**options: Any) -> Page:
        made.append(open_page(browser, faults, **options))
        return made[-1]

    yield make
    for page in made:
        page.context.close()


@pytest.fixture
def browser_page(make_page: Callable[..., Page]) -> Page:
    """A page in a window of a desk's width."""
    return make_page()


@pytest.fixture
def dark_page(make_page: Callable[..., Page]) -> Page:
    """A page of somebody who likes it dark."""
    return make_page(dark=True)


@pytest.fixture
def phone_page(make_page: Callable[..., Page]) -> Page:
    """A page on a phone."""
    return make_page(phone=True)
