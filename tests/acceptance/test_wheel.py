"""What people install: the wheel, in an environment of its own, outside the checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from outbox import __version__
from tests.conftest import Database

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel, and a folder that is no checkout."""

    home: Path
    elsewhere: Path

    def __call__(self, *words: str, **variables: str) -> str:
        """Runs a program of the environment and returns its output; anything but exit code 0 fails."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OUTBOX_", "PYTHON"))}
        program, *rest = words
        done = subprocess.run(
            [str(self.home / "bin" / program), *rest],
            cwd=self.elsewhere,
            env=kept | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}"
        return done.stdout


def run(*words: str | Path) -> None:
    """Runs a program of the tests' own environment; its output is shown when it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution and the wheel that is made of it."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return folder


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An empty environment with the wheel; of its dependencies those that stand here already, so no network."""
    folder = tmp_path_factory.mktemp("installed")
    home, elsewhere = folder / "environment", folder / "elsewhere"
    elsewhere.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", home)
    (wheel,) = built.glob("*.whl")
    run(sys.executable, "-m", "pip", "--python", home / "bin" / "python", "install", "--no-index", "--no-deps", wheel)
    (packages,) = (home / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return Installed(home, elsewhere)


def test_the_wheel_holds_the_product_and_nothing_else(built: Path) -> None:
    """Two packages and the daemon's module; every file of sql/ and config/ within the package; no tests, no caches."""
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {name.split("/")[0] for name in names} == {
        "outbox",
        "outbox_demo",
        "scheduler.py",
        f"contract_outbox-{__version__}.dist-info",
    }
    expected = {
        prefix + str(path.relative_to(ROOT))
        for folder, prefix in (("outbox", ""), ("outbox_demo", ""), ("sql", "outbox/"), ("config", "outbox/"))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in names if name.startswith("outbox")} == expected


def test_the_source_distribution_is_enough_to_build_from(built: Path) -> None:
    """The wheel here was made of it; it carries licence and changes, and no tests or tools."""
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        top = {name.split("/")[1] for name in opened.getnames()}

    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "outbox", "sql", "config"} <= top
    assert top & {"tests", "benchmarks", "Makefile", ".ci"} == set()


def test_the_command_works_outside_the_checkout(installed: Installed, empty_database: Database) -> None:
    """Version, migrate and one round of the daemon, from a folder that holds nothing of ours."""
    url = {"OUTBOX_DATABASE_URL": empty_database.url}

    assert installed("outbox", "--version") == f"contract-outbox {__version__}\n"
    where = installed("python", "-c", "import outbox, scheduler; print(outbox.__file__, scheduler.__file__)").split()
    assert all(path.startswith(str(installed.home)) for path in where)
    assert "schema outbox is at version" in installed("outbox", "migrate", **url)
    installed("outbox", "run", "--once", **url)
    installed("python", "-m", "scheduler", "--once", **url)


def test_the_demo_works_outside_the_checkout(installed: Installed) -> None:
    """The demo needs nothing but what was installed."""
    said = installed("outbox", "demo", "--for", "3")

    last = said.rstrip().splitlines()[-1]
    assert re.fullmatch(r"demo: committed=(\d+) captured=\1 .* lost=0 duplicated=0", last), said
