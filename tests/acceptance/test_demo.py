"""`outbox demo` as a process: the whole walk, three books that agree, and nothing left behind however it ends."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from outbox.resources import folder

ROOT = Path(__file__).resolve().parents[2]
SUMMARY = re.compile(
    r"demo: committed=(\d+) captured=(\d+) deliveries=(\d+) delivered=(\d+) waiting=(\d+) dead=(\d+)"
    r" lost=(\d+) duplicated=(\d+)"
)
MARK = "DEMO_TEST_MARK"
LONG_SECONDS = 90


class DemoProcess:
    """One `outbox demo`; `left` lists whatever of it still runs: each of its processes inherits a mark."""

    def __init__(self, home: Path, *options: str) -> None:
        self.mark = uuid.uuid4().hex
        self.output = home.with_name(f"{home.name}.out")
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "outbox", "demo", "--folder", str(home), *options],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, MARK: self.mark},
            )

    def left(self) -> list[str]:
        """Command lines of its processes, itself included."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (entry / "environ").read_bytes():
                    found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
            except OSError:
                continue
        return found

    def said(self) -> str:
        """Everything it printed so far."""
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        """Waits until it has printed the words."""
        deadline = time.monotonic() + LONG_SECONDS
        while words not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def end(self) -> int:
        """Its exit code."""
        return self.process.wait(LONG_SECONDS)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., DemoProcess]]:
    """Starts a demo in a folder of its own; whatever a failing test leaves of it is ended."""
    started: list[DemoProcess] = []

    def begin(*options: str) -> DemoProcess:
        started.append(DemoProcess(tmp_path / "demo", *options))
        return started[-1]

    yield begin
    for demo in started:
        if demo.process.poll() is None:
            demo.process.terminate()
            demo.end()


@pytest.fixture
def spare(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder in which the demo may borrow one, and which every user can reach."""
    made = Path(tempfile.mkdtemp())
    made.chmod(0o755)
    monkeypatch.setenv("TMPDIR", str(made))
    yield made
    shutil.rmtree(made)


def compare_again(books: Path) -> tuple[int, str]:
    """Exit code and last line of the comparison of a demo's folder."""
    done = subprocess.run(
        [sys.executable, "-m", "outbox_demo.books", str(books)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout.splitlines()[-1]


def sign_in_as_said(demo: DemoProcess) -> requests.Response:
    """The answer of the demo's dashboard to the user and the password that it printed."""
    demo.wait_for("for connectors that you make there")
    printed = re.search(r"^dashboard: (\S+)  user (\S+)  password (\S+)$", demo.said(), re.MULTILINE)
    assert printed is not None, demo.said()
    url, user, password = printed.groups()
    with requests.Session() as session:
        page = session.get(f"{url}/sign-in", timeout=20).text
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        form = {"csrf": csrf, "name": user, "password": password}
        return session.post(f"{url}/sign-in", data=form, timeout=20, allow_redirects=False)


def test_demo_ends_with_books_that_agree_and_a_planted_fault_is_seen(
    start: Callable[..., DemoProcess], tmp_path: Path
) -> None:
    """FOR seconds: exit 0, the summary as the last line, nothing left; a dropped or doubled report is exit 1."""
    demo = start("--for", "6")
    assert sign_in_as_said(demo).headers["location"] == "/"
    assert demo.end() == 0, demo.said()
    assert demo.left() == []
    home = tmp_path / "demo"
    last = demo.said().splitlines()[-1]
    summary = SUMMARY.fullmatch(last)
    assert summary is not None, demo.said()
    committed, captured, deliveries, delivered, waiting, dead, lost, duplicated = map(int, summary.groups())
    assert committed == captured > 30
    assert deliveries == delivered > committed
    assert (waiting, dead, lost, duplicated) == (0, 0, 0, 0)
    assert compare_again(home) == (0, last)
    seen = {file.stem: file.read_text(encoding="utf-8").splitlines() for file in (home / "receivers").glob("*.jsonl")}
    assert set(seen) == {"crm", "erp", "desk", "lake", "group"}
    assert all(seen.values())

    whole = home / "receivers" / "crm.jsonl"
    kept = tmp_path / "kept.jsonl"
    shutil.copy(whole, kept)
    lines = kept.read_text(encoding="utf-8").splitlines(keepends=True)
    whole.write_text("".join(lines[:-1]), encoding="utf-8")
    code, words = compare_again(home)
    assert (code, "lost=1 duplicated=0" in words) == (1, True), words
    whole.write_text("".join([*lines, lines[0]]), encoding="utf-8")
    code, words = compare_again(home)
    assert (code, "lost=0 duplicated=1" in words) == (1, True), words


@pytest.mark.soak
def test_ctrl_c_stops_an_endless_demo_with_its_summary(start: Callable[..., DemoProcess]) -> None:
    """Ctrl-C ends a running demo in good order: books compared, nothing left."""
    demo = start("--rate", "20")
    demo.wait_for("look inside")
    demo.process.send_signal(signal.SIGINT)
    assert demo.end() == 0, demo.said()
    assert demo.left() == []
    assert SUMMARY.fullmatch(demo.said().splitlines()[-1]), demo.said()


@pytest.mark.parametrize("moment", ["", "receivers"])
def test_ctrl_c_in_the_middle_of_the_start_leaves_nothing(start: Callable[..., DemoProcess], moment: str) -> None:
    """Whatever had been started by then is ended; exit code 130 says that there was no demo."""
    demo = start()
    if moment:
        demo.wait_for(moment)
    else:
        while not demo.left()[1:]:
            time.sleep(0.01)
    demo.process.send_signal(signal.SIGINT)
    assert demo.end() == 130, demo.said()
    assert demo.left() == []


@pytest.mark.soak
def test_killed_demo_leaves_nothing_running(start: Callable[..., DemoProcess], spare: Path) -> None:
    """Even SIGKILL leaves no process behind, nor a database outside its folder: the guardian ends them."""
    demo = start()
    demo.wait_for("look inside")
    demo.process.kill()
    demo.end()
    deadline = time.monotonic() + LONG_SECONDS
    while demo.left():
        assert time.monotonic() < deadline, demo.left()
        time.sleep(0.1)
    assert list(spare.iterdir()) == []


def test_process_that_ends_by_itself_fails_the_demo_and_is_named(start: Callable[..., DemoProcess]) -> None:
    """A daemon that dies fails the demo at once; its log is named and quoted."""
    demo = start()
    demo.wait_for("look inside")
    [daemon] = [
        int(entry.name)
        for entry in Path("/proc").glob("[0-9]*")
        if demo.mark.encode() in _read(entry / "environ") and b"\0outbox\0run\0" in _read(entry / "cmdline")
    ]
    os.kill(daemon, signal.SIGKILL)
    assert demo.end() == 1
    assert demo.left() == []
    assert "daemon ended with exit code -9; its log is" in demo.said()
    assert "kept:" in demo.said()


def test_folder_that_holds_something_is_refused(start: Callable[..., DemoProcess], tmp_path: Path) -> None:
    """The demo writes into no folder that is in use: exit 2, nothing touched."""
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "mine").touch()
    demo = start()
    assert demo.end() == 2
    assert "expected an empty folder or none" in demo.said()
    assert [file.name for file in (tmp_path / "demo").iterdir()] == ["mine"]


def test_sample_schema_knows_nothing_of_the_outbox() -> None:
    """The sample application's schema has nothing of ours."""
    code = re.sub(r"--.*", "", (ROOT / "outbox_demo" / "sample.sql").read_text(encoding="utf-8"))
    assert "outbox" not in code.lower()


def test_example_mapping_is_the_one_that_the_demo_proves() -> None:
    """config/source.toml, which people copy, says the same as the mapping that the demo installs."""
    example = tomllib.loads((folder("config") / "source.toml").read_text(encoding="utf-8"))
    proved = tomllib.loads((ROOT / "outbox_demo" / "config" / "source.toml").read_text(encoding="utf-8"))
    assert json.dumps(example) == json.dumps(proved)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""
