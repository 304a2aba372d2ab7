"""The command line: exit codes, help, and errors in words. What each command does is tested beside its module."""

import re
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from outbox import __version__
from outbox.cli import run
from outbox.cli.app import app
from outbox.migrations import migrations
from outbox.resources import folder
from tests.conftest import Database
from tests.program import program

PLANTED = "hunter2-planted"
NOWHERE = f"postgresql://u:{PLANTED}@127.0.0.1:1/none"
HELP_CPU_SECONDS = 3.0
"""A third of it on an idle machine."""


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command and group by its words."""
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from walk(inner, (*path, name))


COMMANDS = dict(walk(typer.main.get_command(app)))
ASKING_THE_DATABASE = [
    ("migrate",),
    ("run",),
    ("run", "--once"),
    ("plan",),
    ("install", "--yes"),
    ("uninstall", "--yes"),
    ("recapture",),
    ("expiry", "scan"),
    ("expiry", "scan", "--dry-run"),
    ("expiry", "upcoming"),
    ("expiry", "backfill", "--since", "1d"),
    ("events",),
    ("deliveries",),
    ("attempts",),
    ("timeline", "k1"),
    ("replay", "1", "crm"),
    ("doctor",),
    ("connectors", "list"),
    ("connectors", "show", "crm"),
    ("connectors", "diff"),
    ("connectors", "apply", "--yes"),
    ("connectors", "export"),
    ("connectors", "enable", "crm"),
    ("connectors", "remove", "crm", "--yes"),
    ("connectors", "backfill", "crm", "--yes"),
    ("connectors", "rekey"),
]


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """The daemon, run in this process, takes over the signals; afterwards they are as they were."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with a mapping and no connectors; no database; `run` is this process."""
    monkeypatch.setenv("OUTBOX_RELAY_PROCESSES", "1")
    (tmp_path / "source.toml").write_text(
        '[contract]\nquery = "SELECT id AS contract_id, 1 AS business_unit, 1 AS status FROM contract"\n'
        '[business_unit]\nquery = "SELECT 1 AS business_unit, 1 AS name"\n'
        '[[capture]]\ntrigger = "create"\ntable = "contract"\non = "insert"\ncontract = "new.id"\n'
    )
    (tmp_path / "connectors.toml").write_text("")
    monkeypatch.setenv("OUTBOX_CONFIG", str(tmp_path))
    monkeypatch.delenv("OUTBOX_DATABASE_URL", raising=False)
    monkeypatch.delenv("OUTBOX_SECRET_KEYS", raising=False)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """--help exits 0, says what the command is for, and what each argument and option means."""
    command = COMMANDS[words]

    assert run([*words, "--help"]) == 0

    shown = capsys.readouterr()
    assert shown.err == ""
    assert shown.out.startswith(f"Usage: {' '.join(('outbox', *words))}")
    assert command.help
    assert command.help.rstrip().endswith(".")
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{' '.join(words)}: {parameter.name} has no help"


def test_help_is_quick() -> None:
    """Nobody waits for words: the daemon's and the sender's libraries are not needed for help."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    shown = subprocess.run([sys.executable, "-m", "outbox", "--help"], capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)

    assert "migrate" in shown.stdout
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < HELP_CPU_SECONDS


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    """What is running can be named in a report."""
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"contract-outbox {__version__}\n"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "Usage: outbox"),
        (["connectors"], "Usage: outbox connectors"),
        (["migrat"], "No such command 'migrat'"),
        (["connectors", "lst"], "No such command 'lst'"),
        (["migrate", "--sqll"], "No such option: --sqll"),
        (["timeline"], "Missing argument"),
        (["run", "twice"], "unexpected extra argument"),
        (["--config"], "Option '--config' requires an argument"),
        (["events", "--limit", "many"], "--limit"),
        (["demo", "--for", "soon"], "--for"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_right(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mistyped command changes nothing and names its help."""
    assert run(words) == 2

    shown = capsys.readouterr()
    assert expected in shown.out + shown.err
    assert "Traceback" not in shown.err


@pytest.mark.parametrize("words", ASKING_THE_DATABASE, ids=" ".join)
def test_without_a_database_url_every_command_exits_2(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Wrong configuration: what to set stands in the message."""
    assert run(words) == 2

    shown = capsys.readouterr()
    assert "OUTBOX_DATABASE_URL: expected the contract database's URL, got none; set it" in shown.err + shown.out


@pytest.mark.parametrize("words", [one for one in ASKING_THE_DATABASE if one != ("run",)], ids=" ".join)
def test_with_a_database_that_is_not_there_every_command_exits_1(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work failed: one line, no traceback, no password. Only the daemon waits for it."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", NOWHERE)

    assert run(words) == 1

    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    assert PLANTED not in shown.out + shown.err
    said = " ".join((shown.out + shown.err).split())
    assert "expected an answer from the database, got: connection failed" in said
    assert "check that PostgreSQL runs, and host, user and password in OUTBOX_DATABASE_URL" in said


@pytest.mark.parametrize("words", [one for one in ASKING_THE_DATABASE if one[0] != "migrate"], ids=" ".join)
def test_without_our_schema_every_command_says_what_to_run(
    words: tuple[str, ...],
    empty_database: Database,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that was not migrated is a failed work with the command that mends it."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", empty_database.url)

    assert run(words) == 1

    shown = capsys.readouterr()
    assert "outbox migrate" in shown.err + shown.out


@pytest.mark.parametrize("words", [("migrate",), ("run", "--once"), ("doctor",), ("connectors", "list")], ids=" ".join)
def test_faults_of_the_settings_stop_every_command(
    words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fault is a line of its own on standard error, and nothing is done."""
    (tmp_path / "outbox.toml").write_text("[relay]\ntreads = 8\nthreads = 0\n")

    assert run(words) == 2

    shown = capsys.readouterr()
    assert shown.out == ""
    assert sorted(shown.err.splitlines()) == [
        f"outbox: {tmp_path}/outbox.toml: relay.threads: expected a value greater than or equal to 1; got 0",
        f"outbox: {tmp_path}/outbox.toml: relay.treads: unknown key; did you mean 'threads'?",
    ]


def test_the_folder_before_the_command_is_the_one_that_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """--config wins over OUTBOX_CONFIG, and a missing folder is wrong usage."""
    assert run(["--config", str(tmp_path / "none"), "migrate"]) == 2
    assert capsys.readouterr().err == (
        f"outbox: {tmp_path}/none: expected a folder with outbox.toml, got none; correct --config or OUTBOX_CONFIG\n"
    )


def test_migrate_prints_its_script_without_a_database(capsys: pytest.CaptureFixture[str]) -> None:
    """A DBA reads it before anything connects; standard output holds the script and nothing else."""
    assert run(["migrate", "--sql"]) == 0

    shown = capsys.readouterr()
    assert shown.out.startswith("BEGIN;")
    assert shown.out.endswith("COMMIT;\n")
    assert shown.err == ""


def test_with_a_database_migrate_prints_what_is_missing_there(
    database: Database, empty_database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it for an empty one, the views alone where nothing is missing; --from asks no database."""
    printed = []
    for url, words in ((empty_database.url, ()), (database.url, ()), (NOWHERE, ("--from", "5"))):
        monkeypatch.setenv("OUTBOX_DATABASE_URL", url)
        assert run(["migrate", "--sql", *words]) == 0
        printed.append(re.findall(r"^-- migration (\d+)", capsys.readouterr().out, re.MULTILINE))

    numbers = [f"{one.number:04d}" for one in migrations()]
    assert printed == [numbers, [], numbers[5:]]
    assert run(["migrate", "--from", "5"]) == 2


def test_the_examples_are_written_where_asked_and_overwrite_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever has the wheel alone starts from the same files; a second time is refused, and a missing file says so."""
    assert run(["examples", str(tmp_path / "mine")]) == 0
    assert {one.name for one in (tmp_path / "mine").iterdir()} == {"outbox.toml", "source.toml", "connectors.toml"}
    (tmp_path / "mine" / "source.toml").write_text("kept")

    assert run(["examples", str(tmp_path / "mine")]) == 2
    assert (tmp_path / "mine" / "source.toml").read_text() == "kept"
    (tmp_path / "mine" / "source.toml").unlink()
    capsys.readouterr()
    assert run(["--config", str(tmp_path / "mine"), "plan"]) == 2
    assert f"or write the examples there: outbox examples {tmp_path / 'mine'}" in capsys.readouterr().err


def test_faults_of_a_rule_name_it(
    tmp_path: Path, database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its name, or by its place as people count; with the file in full."""
    monkeypatch.setenv("OUTBOX_DATABASE_URL", database.url)
    text = (folder("config") / "source.toml").read_text().replace('on       = "insert"', 'on       = "insrt"', 1)
    text = text.replace('trigger  = "review"', 'name = "checkout"\ntrigger  = "reviewed"')
    (tmp_path / "source.toml").write_text(text)

    assert run(["--config", str(tmp_path), "plan"]) == 2

    told = capsys.readouterr().err
    assert f"{tmp_path}/source.toml: capture 1: on.0: expected" in told
    assert f"{tmp_path}/source.toml: capture 'checkout': trigger: expected" in told


def test_a_reader_that_went_away_is_no_traceback() -> None:
    """`outbox migrate --sql | head -1` ends quietly."""
    with subprocess.Popen(
        [sys.executable, "-m", "outbox", "migrate", "--sql"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        said = process.stderr.read().decode()

    assert "Traceback" not in said


def test_the_database_url_may_stand_in_a_file(database: Database, tmp_path: Path) -> None:
    """Secrets come by environment or by file; the real program exits with its command's code."""
    (tmp_path / "url").write_text(database.url + "\n")
    outbox = program(tmp_path, "")
    del outbox.environment["OUTBOX_DATABASE_URL"]
    outbox.environment["OUTBOX_DATABASE_URL_FILE"] = str(tmp_path / "url")

    assert "nothing to do" in outbox("migrate")
    assert "OUTBOX_LOG_LEVEL: expected" in program(tmp_path, database.url, LOG_LEVEL="loud")("migrate", code=2)


def test_run_once_is_one_process(capsys: pytest.CaptureFixture[str]) -> None:
    """A number of processes beside --once is refused, not ignored."""
    assert run(["run", "--once", "--processes", "2"]) == 2
    assert "expected --processes without --once" in capsys.readouterr().err
