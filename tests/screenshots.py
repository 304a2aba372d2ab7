"""Takes docs/screenshots/, or with --all FOLDER every page thrice: `python -m tests.screenshots`."""

import argparse
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from outbox.embedded import binaries
from outbox.log import configure_log
from outbox.settings import Log
from outbox.web.app import make_app
from tests.browser import Faults, chromium, open_page, serving, sign_in
from tests.conftest import Database
from tests.factories import Connection
from tests.postgres import DEFAULT_VERSION, Server
from tests.showcase import showcase
from tests.web import add_user, site_on
from tests.web_roles import FIXED, is_page
from tests.web_routes import calls

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screenshots"
MOST_BYTES = 200_000
SETTLED_MS = 600
"""How long a page may go on drawing after it is there."""


@dataclass(frozen=True)
class Shown:
    """The served showcase, somebody who may see all of it, and what stands for what varies in a path."""

    url: str
    browser: Browser
    parts: dict[str, str]

    @contextmanager
    def page(self, path: str, *, dark: bool = False, phone: bool = False, scale: float = 1) -> Iterator[Page]:
        """The page, open."""
        faults = Faults()
        page = open_page(self.browser, faults, dark=dark, phone=phone, device_scale_factor=scale)
        sign_in(page, self.url, "l.keller", going_on=path)
        page.wait_for_timeout(SETTLED_MS)
        yield page
        page.context.close()
        assert faults == [], f"{path}: {faults}"


@contextmanager
def shown() -> Iterator[Shown]:
    """Serves the showcase."""
    configure_log(Log(level="error"))
    with Server(binaries(DEFAULT_VERSION)) as server:
        database = Database(server, "test")
        with showcase(database) as sql, site_on(database) as site, chromium() as browser:
            add_user(site, "l.keller")
            with serving(make_app(site)) as url:
                yield Shown(url, browser, _parts(sql))
        database.dispose()


def _parts(sql: Connection) -> dict[str, str]:
    """A delivery that came through at its second try, its contract, a connector that is well."""
    found = "SELECT event_id, connector_id, contract_id FROM outbox.attempt JOIN outbox.delivery"
    found += " USING (event_id, connector_id)"
    found += " WHERE number = 2 AND outcome = 'ok' AND trigger = 'update' ORDER BY 1 DESC LIMIT 1"
    event, connector, contract = sql.execute(found.encode()).fetchall()[0]
    fixed = {**FIXED, "question": "slowest-receivers", "form": "csv", "connector_name": "Data lake"}
    return {"event": str(event), "connector": str(connector), "contract": str(contract), **fixed}


def take_all(folder: Path) -> None:
    """Every page, whole, light, dark and on a phone."""
    folder.mkdir(parents=True, exist_ok=True)
    with shown() as ground:
        paths = [call.url(ground.parts) for call in calls() if call.method == "GET" and not call.api]
        with ground.page("/account") as page:
            answers = [(path, page.request.get(ground.url + path)) for path in paths]
            whole = [path for path, one in answers if one.ok and is_page(one.headers) and "<html" in one.text()]
        for path in whole:
            name = re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") or "dashboard"
            for look, options in (("light", {}), ("dark", {"dark": True}), ("phone", {"phone": True})):
                with ground.page(path, **options) as page:
                    page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)


def main() -> None:
    """Takes what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", type=Path, metavar="FOLDER")
    asked = parser.parse_args()
    if asked.all:
        take_all(asked.all)
    else:
        take_shots()


Prepare = Callable[[Page], None]


def nothing(page: Page) -> None:
    """As it opens."""
    del page


def fill_in(page: Page) -> None:
    """The source document's example, as far as its first screen."""
    page.get_by_label("Provider BU").check()
    for trigger in ("Create", "Update", "Send"):
        page.get_by_label(f"{trigger} when the transaction").check()
    page.get_by_label("Payload URL").fill("https://example.com/webhook")
    page.get_by_label("Secret", exact=True).fill("your_secret_key")
    page.locator("#preview-of", has_text="A real event").wait_for()
    page.wait_for_timeout(SETTLED_MS)
    page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")


SHOTS: tuple[tuple[str, str, dict[str, bool], Prepare], ...] = (
    ("dashboard", "/", {}, nothing),
    ("configuration", "/configurations/connectors/new/reporting/webhook", {}, fill_in),
    ("delivery", "/deliveries/{event}/{connector}", {}, nothing),
    ("phone-dark", "/", {"dark": True, "phone": True}, nothing),
)
"""File, path, how, and what is done there before."""


def take_shots() -> None:
    """The pictures of README and docs/dashboard.md; fails for one that is too large."""
    FOLDER.mkdir(exist_ok=True)
    with shown() as ground:
        for name, path, options, prepare in SHOTS:
            with ground.page(path.format(**ground.parts), **options) as page:
                prepare(page)
                file = FOLDER / f"{name}.png"
                page.screenshot(path=file)
                assert file.stat().st_size < MOST_BYTES, f"{file}: {file.stat().st_size:,} bytes"


if __name__ == "__main__":
    main()
