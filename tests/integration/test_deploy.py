"""The systemd units under deploy/, as systemd itself reads them."""

import re
import subprocess
from pathlib import Path

import pytest

from outbox.settings import Relay, Settings, load_settings
from outbox.supervisor import STOP_MARGIN_SECONDS, WRONG_CONFIGURATION
from scheduler import LEAVE_SECONDS
from tests.postgres import find_tool
from tests.program import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ["outbox.service", "outbox@.service"]
PROGRAM = "/opt/outbox/bin/outbox"
MOST_EXPOSED = 15
"""Tenths, of systemd's ten: what is left is the network, which is its work."""


def values(unit: str, key: str) -> list[str]:
    """Every value of a key, in order."""
    return re.findall(rf"^{key}=(.*)$", (DEPLOY / unit).read_text(encoding="utf-8"), re.MULTILINE)


def analyze(folder: Path, unit: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Runs systemd-analyze on a copy of the unit that names a program of this machine."""
    there = folder / unit.replace("@.", "@sales.")
    there.write_text((DEPLOY / unit).read_text(encoding="utf-8").replace(PROGRAM, find_tool("true", "coreutils")))
    tool = find_tool("systemd-analyze", "systemd")
    return subprocess.run([tool, *words, str(there)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_finds_nothing_wrong(tmp_path: Path, unit: str) -> None:
    """No unknown key, no value that is none, no word on standard error."""
    done = analyze(tmp_path, unit, "verify", "--man=no")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_with_a_mistake_would_be_found(tmp_path: Path, unit: str) -> None:
    """The check can fail: a misspelt key is named."""
    text = (DEPLOY / unit).read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse=")
    there = tmp_path / unit.replace("@.", "@sales.")
    there.write_text(text.replace(PROGRAM, find_tool("true", "coreutils")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(there)], capture_output=True, text=True, check=False
    )
    assert "ProtectHouse" in done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_little_is_exposed(tmp_path: Path, unit: str) -> None:
    """Systemd's own review stays under the threshold."""
    done = analyze(tmp_path, unit, "security", "--offline=true", f"--threshold={MOST_EXPOSED}", "--no-pager")
    assert done.returncode == 0, done.stdout[-400:] + done.stderr


@pytest.mark.parametrize("unit", UNITS)
def test_it_has_longer_to_stop_than_it_takes(unit: str) -> None:
    """Systemd kills after the supervisor would, and that after a worker's own last resort."""
    [limit] = values(unit, "TimeoutStopSec")
    assert Relay().drain_seconds + LEAVE_SECONDS < Relay().drain_seconds + STOP_MARGIN_SECONDS < float(limit)
    assert values(unit, "KillMode") == ["mixed"]
    assert values(unit, "RestartPreventExitStatus") == [str(WRONG_CONFIGURATION)]


@pytest.mark.parametrize("unit", UNITS)
def test_secrets_come_as_credentials_that_the_settings_read(tmp_path: Path, unit: str) -> None:
    """Each credential is one that a variable names, and the settings are those files' content."""
    names = {one.partition(":")[0] for one in values(unit, "LoadCredential")}
    variables = dict(pair.split("=", 1) for line in values(unit, "Environment") for pair in line.split())
    assert {value.removeprefix("%d/") for value in variables.values()} == names
    for name in names:
        (tmp_path / name).write_text(f"postgresql://{name}@db/contracts\n")

    read = load_settings(tmp_path, {key: value.replace("%d", str(tmp_path)) for key, value in variables.items()})

    assert read.database_url.get_secret_value() == "postgresql://database-url@db/contracts"
    assert [key.get_secret_value() for key in read.secret_keys] == ["postgresql://secret-keys@db/contracts"]


def test_the_environment_file_names_settings(tmp_path: Path) -> None:
    """Every line, with its comment taken away, is a setting that there is."""
    written = (DEPLOY / "outbox.env").read_text(encoding="utf-8")
    variables = dict(re.findall(r"^#?(OUTBOX_\w+)=(.*)$", written, re.MULTILINE))
    assert len(variables) == 7
    assert load_settings(tmp_path, variables) != Settings(folder=tmp_path)


def test_the_template_is_the_unit_for_another_folder() -> None:
    """Only folder, user and description differ: what is mended in one is mended in both."""
    one, many = ((DEPLOY / unit).read_text(encoding="utf-8").partition("[Unit]")[2] for unit in UNITS)
    assert "%i" in many
    for more in ("/%i", "-%i", " (%i)"):
        many = many.replace(more, "")
    assert many == one
