"""PostgreSQL servers for tests: testing.postgresql over the embedded wheel's binaries, also as root."""

import os
import pwd
import shutil
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import testing.postgresql

from outbox.embedded import binaries

DEFAULT_VERSION = 16
SYSTEM_ROOT = Path("/usr/lib/postgresql")


def system_versions() -> dict[int, Path]:
    """The machine's own servers from 15 on: version -> folder of binaries."""
    found = {int(path.name): path / "bin" for path in SYSTEM_ROOT.glob("*") if path.name.isdigit()}
    return {version: path for version, path in found.items() if version >= 15 and (path / "initdb").exists()}


MEMORY = "/dev/shm"  # noqa: S108 (mkdtemp makes a folder of our own in it)
ROOM = 4 * 2**30


def _memory_has_room() -> bool:
    """Whether databases may stand in memory: most of a test is else the hundreds of files of its own database."""
    if not os.access(MEMORY, os.W_OK):
        return False
    disk = os.statvfs(MEMORY)
    told = dict(line.split(":") for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
    free = int(told["MemAvailable"].split()[0]) * 1024
    return min(disk.f_bavail * disk.f_frsize, free) >= ROOM


class Server(testing.postgresql.Postgresql):  # type: ignore[misc]
    """One throw-away server; as root it runs as `nobody`, since PostgreSQL refuses root."""

    child_process: Any
    _in_memory: str | None = None

    def __init__(self, bin_folder: Path | None = None, *, options: str = "", **settings: Any) -> None:
        folder = bin_folder or binaries(DEFAULT_VERSION)
        super().__init__(
            initdb=str(folder / "initdb"),
            postgres=str(folder / "postgres"),
            initdb_args="-U postgres -A trust -E UTF8 --no-locale",
            postgres_args=(
                "-h 127.0.0.1 -F -c logging_collector=off -c timezone=UTC -c synchronous_commit=off"
                f" -c full_page_writes=off {options}"
            ),
            **settings,
        )

    def setup(self) -> None:
        """Makes the folders, owned by the user that the server runs as; the files in memory where there is room."""
        if _memory_has_room():
            self._in_memory = tempfile.mkdtemp(prefix="outbox-tests-", dir=MEMORY)
            Path(self._in_memory).chmod(0o700)
            Path(self.base_dir, "data").symlink_to(self._in_memory)
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            for name in self.subdirectories:
                Path(self.base_dir, name).mkdir(mode=0o700, exist_ok=True)
                os.chown(Path(self.base_dir, name), user.pw_uid, user.pw_gid)
            Path(self.base_dir).chmod(0o755)
        super().setup()

    def initialize(self) -> None:
        """Names the programs; called by the base class before anything starts."""
        self._initdb = str(self.settings["initdb"])
        super().initialize()
        self._prefix: list[str] = []
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            self._prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]

    def cleanup(self) -> None:
        """Removes its files, those in memory too."""
        super().cleanup()
        if self._in_memory is not None and self.child_process is None:
            shutil.rmtree(self._in_memory, ignore_errors=True)

    def initialize_database(self) -> None:
        """Runs initdb as that user, by a wrapper, since the base class takes one path and no prefix."""
        wrapper = Path(self.base_dir, "initdb.sh")
        wrapper.write_text(f'#!/bin/sh\nexec {" ".join([*self._prefix, self._initdb])} "$@"\n')
        wrapper.chmod(0o755)
        self.initdb = str(wrapper)
        super().initialize_database()

    def get_server_commandline(self) -> list[str]:
        """The server's command, with the change of user before it."""
        return [*self._prefix, *super().get_server_commandline()]

    def restart(self, *, crash: bool = False, down_seconds: float = 0.5) -> None:
        """Restarts on the same port and files: fast, or (`crash`) at once and by recovery."""
        self.child_process.send_signal(signal.SIGQUIT if crash else signal.SIGINT)
        self.child_process.wait(timeout=30)
        self.child_process = None
        time.sleep(down_seconds)
        self.start()

    def sqlalchemy_url(self, database: str = "test") -> str:
        """The URL of one database, with our driver."""
        return str(self.url(database=database)).replace("postgresql://", "postgresql+psycopg://", 1)


def find_tool(name: str, package: str) -> str:
    """A program's path; fails with the package to install when it is missing."""
    path = shutil.which(name)
    assert path is not None, f"{name} is missing: install it with `apt-get install -y {package}`"
    return path
