"""A real browser for tests: Debian's Chromium, driven by Playwright, strict about everything that a page does wrong."""

import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright
from starlette.types import ASGIApp

from tests.web import PASSWORD

Serve: TypeAlias = Callable[[ASGIApp], str]
"""Serves an application for the length of a test; its URL."""

ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no network beyond this machine
)
PATIENCE_MS = 20_000
START_SECONDS = 20.0
SIZES = {False: {"width": 1280, "height": 900}, True: {"width": 390, "height": 844}}
"""Of the window, for a desk and for a phone."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium with a profile of its own, gone afterwards."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: install it with `apt-get install -y chromium`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Faults(list[str]):
    """What pages did that none may: each error on the console, refused or failed request, and step to another host.

    A page that answers with a status of the 400s is no fault, for a test may ask for it; what a page loads is one.
    """

    def watch(self, context: BrowserContext) -> None:
        """Listens to every page of the context from now on."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.append(f"error in a script: {error.error}"))
        context.on("request", self._request)
        context.on("requestfailed", self._failed)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # What failed to load is told by its response, which knows whether it was the page itself.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob") and parts.hostname != "127.0.0.1":
            self.append(f"another host: {request.url}")

    def _failed(self, request: Request) -> None:
        # A page that is left, or that makes a download of an answer, ends what it was loading.
        if request.failure != "net::ERR_ABORTED":
            self.append(f"failed: {request.url} ({request.failure})")

    def _response(self, response: Response) -> None:
        worst = 500 if response.request.is_navigation_request() else 400
        if response.status >= worst:
            self.append(f"answered with {response.status}: {response.url}")


def open_page(browser: Browser, faults: Faults, *, dark: bool = False, phone: bool = False, **options: Any) -> Page:
    """A page in a context of its own (no cookie of another); its caller closes the context."""
    context = browser.new_context(
        viewport=SIZES[phone],  # type: ignore[arg-type]
        has_touch=phone,
        is_mobile=phone,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",  # what fades is measured while it does
        locale="en-GB",
        timezone_id="Europe/Zurich",
        **options,
    )
    context.set_default_timeout(PATIENCE_MS)
    faults.watch(context)
    return context.new_page()


def sign_in(page: Page, url: str, name: str, *, going_on: str = "/") -> None:
    """Signs somebody of tests.web in, through the page; the page that `going_on` names is open afterwards."""
    page.goto(f"{url}/sign-in?{urlencode({'next': going_on})}")
    page.get_by_label("User").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    with page.expect_navigation():
        page.get_by_role("button", name="Sign in").click()


def check_accessibility(page: Page) -> None:
    """Fails unless axe, with all its rules, finds nothing to complain about in what the page shows now."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"


def check_width(page: Page) -> None:
    """Fails where the page as a whole is wider than the window, so that one would scroll it sideways."""
    size = page.viewport_size
    assert size is not None
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size["width"], f"{page.url}: {wide} px wide in a window of {size['width']} px"


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serves the application on a free port of loopback, by the server that the product uses; its URL."""
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=5))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="served for a test")
    thread.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            assert thread.is_alive(), "the server ended as it started"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listening.close()
