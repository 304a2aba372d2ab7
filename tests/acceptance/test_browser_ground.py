"""The ground of the browser tests finds what it is there to find, and stands beside tests of other kinds."""

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.sync_api import Browser, Page
from starlette.testclient import TestClient

from outbox.web.app import make_app
from tests.browser import Faults, Serve, check_accessibility, check_width, open_page, sign_in
from tests.conftest import Database
from tests.web import add_user, site_on

POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:"
HEAD = (
    "<!doctype html><html lang='en'><head><title>t</title><link rel='icon' href='data:,'>"
    "<meta name='viewport' content='width=device-width'></head>"
)
PAGES = {
    "/well": "<main><h1>Well</h1></main>",
    "/inline": "<main><h1>Inline</h1></main><script>document.title = 'ran'</script>",
    "/elsewhere": "<main><h1>Elsewhere</h1><img alt='x' src='http://receiver.example/x.png'></main>",
    "/missing": "<main><h1>Missing</h1><script src='/none.js'></script></main>",
    "/broken": "<main><h1>Broken</h1><script src='/broken.js'></script></main>",
    "/unnamed": "<main><h1>Unnamed</h1><input type='text'></main>",
}


def application() -> FastAPI:
    """Pages that are well or wrong in one way each."""
    app = FastAPI()

    @app.get("/broken.js")
    def script() -> HTMLResponse:
        return HTMLResponse("throw new Error('planted')", media_type="text/javascript")

    @app.get("/{name}")
    def page(name: str) -> HTMLResponse:
        body = PAGES.get(f"/{name}")
        return HTMLResponse(
            f"{HEAD}<body>{body or '<main><h1>Not found</h1></main>'}</body></html>",
            status_code=200 if body else 404,
            headers={"Content-Security-Policy": POLICY},
        )

    return app


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/inline", "Content Security Policy"),
        ("/elsewhere", "another host: http://receiver.example/x.png"),
        ("/missing", "answered with 404"),
        ("/broken", "planted"),
    ],
)
def test_each_fault_of_a_page_is_found(serve: Serve, browser: Browser, path: str, fault: str) -> None:
    """A script that the policy forbids, another host, a missing file, an error in a script: each fails a test."""
    faults = Faults()
    page = open_page(browser, faults)
    page.goto(serve(application()) + path)
    page.context.close()
    assert fault in "\n".join(faults)


def test_page_that_is_well_passes(serve: Serve, phone_page: Page) -> None:
    """Nothing is found where nothing is wrong, nor in a page that answers 404 because a test asked for it."""
    url = serve(application())
    phone_page.goto(f"{url}/well")
    check_accessibility(phone_page)
    check_width(phone_page)
    answer = phone_page.goto(f"{url}/none")
    assert answer is not None
    assert answer.status == 404


def test_unlabelled_field_and_wide_page_are_found(serve: Serve, phone_page: Page) -> None:
    """Axe runs under the policy of the page, and finds a field without a name; a page wider than a phone is found."""
    phone_page.goto(f"{serve(application())}/unnamed")
    with pytest.raises(AssertionError, match="label"):
        check_accessibility(phone_page)
    phone_page.evaluate("document.querySelector('main').append(document.createElement('input'))")
    phone_page.locator("main").evaluate("main => main.style.width = '900px'")
    with pytest.raises(AssertionError, match="px wide in a window of 390 px"):
        check_width(phone_page)


def test_client_without_a_browser_works_beside_one(browser: Browser) -> None:
    """Playwright's event loop belongs to the main thread: a TestClient in the same process has its own."""
    assert browser.is_connected()
    with TestClient(application()) as client:
        assert client.get("/well").status_code == 200


def test_somebody_signs_in_with_a_browser(database: Database, serve: Serve, dark_page: Page) -> None:
    """Over the real server, to the page where they wanted to go."""
    with site_on(database) as site:
        sign_in(dark_page, serve(make_app(site)), add_user(site), going_on="/account")
        assert dark_page.get_by_role("heading", level=1).inner_text() != ""
        assert dark_page.url.endswith("/account")
        check_accessibility(dark_page)
