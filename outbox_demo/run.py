"""The demo from start to end: starts every process, shows what happens, stops them, and compares the books."""

import json
import secrets
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql
from rich.console import Console

from outbox.embedded import EmbeddedServer, binaries
from outbox.errors import ConfigurationError
from outbox_demo import books, ledgers, receivers, simulator
from outbox_demo.figures import Figures, Gauge
from outbox_demo.pages import Pages, make_pages
from outbox_demo.processes import Guardian, Processes
from outbox_demo.view import View

HERE = Path(__file__).resolve().parent
DATABASE = "contracts"
APPLICATION_ROLE = "contract_app"
DUE_SECONDS = 30.0
ROUTE_SECONDS = 5.0
REFRESH_SECONDS = 0.5
READY_SECONDS = 0.02
INTERRUPTED = 130


class Interrupted(Exception):  # noqa: N818 nobody's error
    """Someone asked to stop before the demo had begun."""


class Stop:
    """Ctrl-C, SIGTERM and SIGHUP, counted: the first ends the run in good order, the second the patience."""

    def __init__(self) -> None:
        self.asked = 0
        self._event = threading.Event()

    def __call__(self) -> bool:
        """Whether anyone has asked."""
        return self.asked > 0

    def wait(self, seconds: float) -> None:
        """Sleeps, at most until someone asks."""
        self._event.wait(seconds)
        self._event.clear()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes the signals over while it lasts."""
        orders = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.signal(order, self._ask) for order in orders]
        try:
            yield
        finally:
            for order, handler in zip(orders, before, strict=True):
                signal.signal(order, handler)

    def _ask(self, _signal: int, _frame: FrameType | None) -> None:
        self.asked += 1
        self._event.set()


def run(*, seconds: float | None, folder: Path | None = None, rate: float = 40, version: int = 16) -> int:
    """Runs the demo for `seconds`, or until Ctrl-C; 0 when the books agree, 1 when not, 130 when it never began."""
    console = Console()
    stop = Stop()
    binaries(version)  # says what is missing before anything is made
    home = _make_folder(folder)
    code = 1
    with stop.listening():
        try:
            code = Demo(home, console, stop, rate=rate, version=version).run(seconds, kept=folder is not None)
        except Interrupted:
            code = INTERRUPTED
        except BaseException:
            console.print(_kept(home), soft_wrap=True, highlight=False)
            raise
        if folder is None and code in (0, INTERRUPTED):
            shutil.rmtree(home)
    return code


def _kept(home: Path) -> str:
    return f"kept: {home} (logs/, receivers/, journal.jsonl, outbox.jsonl)"


def _make_folder(chosen: Path | None) -> Path:
    """The demo's folder, which another user's PostgreSQL can pass through; raises when it holds something else."""
    if chosen is None:
        home = Path(tempfile.mkdtemp(prefix="outbox-demo-"))
    else:
        home = chosen.resolve()
        if home.exists() and (not home.is_dir() or any(home.iterdir())):
            raise ConfigurationError(f"--folder: expected an empty folder or none, got {home}; choose another")
        home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o711)
    return home


class Demo:
    """One run: what it started and where its books lie."""

    def __init__(self, home: Path, console: Console, stop: Stop, *, rate: float, version: int) -> None:
        self._home, self._console, self._stop, self._rate = home, console, stop, rate
        self._server = EmbeddedServer(home / "postgres", version=version)
        self._secret = secrets.token_urlsafe(18)
        self._keys = Fernet.generate_key().decode()
        self._guardian = Guardian(home)
        self._processes = Processes(home / "logs", self._guardian)

    def run(self, seconds: float | None, *, kept: bool) -> int:
        """Starts, watches, stops and compares; the demo's exit code. `kept`: the folder stays in any case."""
        with ExitStack() as stack:
            stack.enter_context(self._guardian)
            with self._step(f"embedded PostgreSQL in {self._home / 'postgres'}"):
                stack.enter_context(self._server)
                for borrowed in self._server.borrowed:
                    self._guardian.remove(borrowed)
                if (pid := self._server.pid) is not None:
                    self._guardian.watch(pid, signal.SIGINT)
                    stack.callback(self._guardian.release, pid)
            stack.enter_context(self._processes)
            pages = self._prepare()
            with psycopg.connect(self._server.dsn(DATABASE), autocommit=True) as connection:
                self._watch(connection, seconds, pages)
            self._console.print("comparing the application's journal, the outbox and the receivers' logs")
            ledgers.copy_outbox(self._server.dsn(DATABASE), self._home)
        balance = books.compare(ledgers.read_books(self._home))
        if kept or not balance.agrees:
            self._console.print(_kept(self._home), soft_wrap=True, highlight=False)
        return books.report(balance)

    @contextmanager
    def _step(self, words: str) -> Iterator[None]:
        """Says what is being done and how long it took; raises Interrupted after it, if someone asked to stop."""
        began = time.monotonic()
        yield
        if self._stop():
            raise Interrupted
        self._console.print(f"{time.monotonic() - began:6.2f} s  {words}", soft_wrap=True, highlight=False)

    def _prepare(self) -> Pages:
        """Everything up to the application that works; where the dashboard is."""
        with self._step("sample contract application: database, schema, business units, companies"):
            application = self._make_application()
        with self._step("receivers: six HTTP servers on loopback"):
            ports = self._start_receivers()
            self._write_configuration(ports)
        for words in (("migrate",), ("install", "--yes"), ("connectors", "apply", "--yes")):
            with self._step(f"outbox {' '.join(words)}"):
                name = f"outbox-{'-'.join(word.strip('-') for word in words)}"
                self._processes.finish(name, "outbox", *words, env=self._environment(), stopped=self._stop)
        with self._step("outbox run, the daemon"):
            self._processes.start("daemon", "outbox", "run", "--processes", "1", env=self._environment())
            with psycopg.connect(self._server.dsn(DATABASE), autocommit=True) as connection:
                self._await(lambda: connection.execute("SELECT FROM outbox.worker").fetchone() is not None)
        with self._step("outbox web, the dashboard"):
            pages = make_pages(self._server.url(DATABASE), receivers.guest_url(ports))
            self._processes.start("dashboard", "outbox", "web", env={**self._environment(), **pages.environment()})
            self._await(pages.answers)
        with self._step("the contract application's simulator"):
            journal = self._home / "journal.jsonl"
            self._processes.start(
                *("simulator", "outbox_demo.simulator", "--rate", str(self._rate), "--journal", str(journal)),
                env={simulator.DSN: application},
            )
            self._await(journal.exists)
        return pages

    def _await(self, ready: Callable[[], bool]) -> None:
        """Waits until something is ready or someone asks to stop; raises when a process ends by itself."""
        while not ready() and not self._stop():
            self._processes.check()
            self._stop.wait(READY_SECONDS)

    def _make_application(self) -> str:
        """Makes the application's role, database and schema; its own connection string."""
        password = secrets.token_urlsafe(18)
        role, database = sql.Identifier(APPLICATION_ROLE), sql.Identifier(DATABASE)
        with psycopg.connect(self._server.dsn(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, sql.Literal(password)))
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))
        own = self._server.dsn(DATABASE, user=APPLICATION_ROLE, password=password)
        with psycopg.connect(own) as connection:
            connection.execute((HERE / "sample.sql").read_bytes())
        return own

    def _start_receivers(self) -> dict[str, int]:
        """Starts the receivers and waits until they listen; planned port -> port."""
        folder = self._home / "receivers"
        folder.mkdir()
        self._processes.start(
            *("receivers", "outbox_demo.receivers", "--folder", str(folder)), env={receivers.DESK_SECRET: self._secret}
        )
        ports = folder / "ports.json"
        self._await(ports.exists)
        return dict(json.loads(ports.read_text(encoding="utf-8"))) if ports.exists() else {}

    def _write_configuration(self, ports: dict[str, int]) -> None:
        """Copies the sample configuration, with the ports that the receivers got."""
        shutil.copytree(HERE / "config", self._home / "config")
        file = self._home / "config" / "connectors.toml"
        written = file.read_text(encoding="utf-8")
        for planned, port in ports.items():
            written = written.replace(f"127.0.0.1:{planned}/", f"127.0.0.1:{port}/")
        file.write_text(written, encoding="utf-8")

    def _environment(self) -> dict[str, str]:
        """The environment of the command `outbox`."""
        return {
            "OUTBOX_CONFIG": str(self._home / "config"),
            "OUTBOX_DATABASE_URL": self._server.url(DATABASE),
            "OUTBOX_SECRET_KEYS": self._keys,
            receivers.DESK_SECRET: self._secret,
        }

    def _watch(self, connection: psycopg.Connection[tuple[int, ...]], seconds: float | None, pages: Pages) -> None:
        """Shows the demo run; afterwards the application, the daemon and the dashboard have ended."""
        rows = self._rows()
        logs = {name: self._home / "receivers" / f"{name}.jsonl" for name, _, _ in rows}
        gauge = Gauge(connection, journal=self._home / "journal.jsonl", logs=logs)
        look = f"look inside: {self._server.programs / 'psql'} {self._server.dsn(DATABASE)}"
        self._console.print(look, soft_wrap=True, highlight=False, style="dim")
        for line in pages.lines:
            self._console.print(line, soft_wrap=True, highlight=False)
        with View(self._console, gauge, rows, besides=pages.lines[0]) as view:
            began = time.monotonic()

            def running(figures: Figures) -> str | None:
                passed = figures.at - began
                if self._stop() or (seconds is not None and passed >= seconds):
                    return None
                return f"{passed:.0f} s" + (f" of {seconds:g} s" if seconds is not None else ", Ctrl-C stops it")

            self._follow(view, gauge, running)
            self._processes.stop("simulator")
            asked, ended = self._stop.asked, time.monotonic()
            patience = DUE_SECONDS if seconds is not None else ROUTE_SECONDS

            def finishing(figures: Figures) -> str | None:
                passed = figures.at - ended
                if figures.idle or passed >= patience or self._stop.asked > asked:
                    return None
                return f"the application has stopped; waiting for what is due, {passed:.0f} s of {patience:g} s"

            self._follow(view, gauge, finishing)
            self._processes.stop("daemon")
            self._processes.stop("dashboard")
            view.show(gauge.read(), moment="the application, the daemon and the dashboard have stopped")

    def _follow(self, view: View, gauge: Gauge, moment: Callable[[Figures], str | None]) -> None:
        """Shows the figures until there is no more `moment` to tell; raises when a process ends by itself."""
        while (words := moment(figures := gauge.read())) is not None:
            self._processes.check()
            view.show(figures, moment=words)
            self._stop.wait(REFRESH_SECONDS)

    def _rows(self) -> list[tuple[str, str, ledgers.Connector]]:
        """Each receiver's name, temper and connector."""
        by_path = {connector.path: connector for connector in ledgers.read_connectors(self._home)}
        return [(one.name, one.temper, by_path[f"/{one.name}"]) for one in receivers.receivers(self._secret)]
