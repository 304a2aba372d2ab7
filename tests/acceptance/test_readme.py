"""The README's guide, typed as it stands there, line by line, in a fresh copy of the repository."""

import json
import os
import re
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from outbox.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LEFT_BEHIND = shutil.ignore_patterns(".*", "__pycache__", "dist", "sample", "mine", "proposed", "*.egg-info")
DONE = "guide: step {} is done"
TIMEOUT_SECONDS = 900


def blocks(heading: str) -> list[list[str]]:
    """The lines to type of each console block of a chapter."""
    (chapter,) = re.findall(rf"^## {re.escape(heading)}$(.*?)^## ", README, re.DOTALL | re.MULTILINE)
    found = re.findall(r"^```console\n(.*?)^```", chapter, re.DOTALL | re.MULTILINE)
    return [[line.removeprefix("$ ") for line in block.splitlines()] for block in found]


@dataclass
class Typed:
    """What the guide's lines said, block by block."""

    folder: Path
    said: list[str] = field(default_factory=list)

    def reports(self) -> list[dict[str, Any]]:
        """What the receiver got, as the guide shows it."""
        (shown,) = [said for said in self.said if '{"headers"' in said]
        return [json.loads(line) for line in shown.splitlines() if line.startswith('{"headers"')]


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """The whole guide in one shell that stops at the first line that fails; packages come from here, offline."""
    folder = tmp_path_factory.mktemp("guide") / "checkout"
    shutil.copytree(ROOT, folder, ignore=LEFT_BEHIND)
    here = (
        f"for site in venv/lib/python3*/site-packages; do echo {sysconfig.get_path('purelib')} > $site/here.pth; done"
    )
    script = ["set -eo pipefail"]
    for number, lines in enumerate(blocks('From "I have a contract database" to "it reports"')):
        for line in lines:
            script += [line, *([here] if "-m venv" in line else [])]
        script.append(f"echo; echo '{DONE.format(number)}'")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OUTBOX_", "PYTHON", "PG"))}
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=clean | offline,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if (folder / "sample" / "pid").exists():
        subprocess.run(["kill", (folder / "sample" / "pid").read_text()], check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return Typed(folder, re.split(re.sub(r"\{\}", r"\\d+", DONE), done.stdout))


def test_the_guide_reports(guide: Typed) -> None:
    """A contract that was inserted and updated is reported to a real receiver, signed in by the connector's secret."""
    reports = guide.reports()
    bodies = [json.loads(report["body"]) for report in reports]

    assert [body["trigger"] for body in bodies][1:] == ["create", "update"]
    assert bodies[2]["changed"]["amount"] == {"old": 1200.5, "new": 1300}
    assert {report["headers"]["Authorization"] for report in reports} == {"Basic d2ViaG9vazp5b3VyX3NlY3JldF9rZXk="}
    assert any("0 faults" in said for said in guide.said)


def test_the_report_shown_is_one_that_arrives(guide: Typed) -> None:
    """The README's example has the keys, in their order, and the headers of what the receiver got."""
    (shown,) = re.findall(r"^```http\nPOST .*?\n(.*?)\n\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
    headers, example = [line.split(":")[0] for line in shown[0].splitlines()], json.loads(shown[1].replace("\n", ""))
    report = next(one for one in guide.reports() if '"trigger":"update"' in one["body"])
    body = json.loads(report["body"])

    assert list(report["headers"]) == headers
    assert list(body) == list(example)
    for part in ("contract", "changed", "company"):
        assert list(body[part]) == list(example[part])


def test_every_setting_stands_in_the_table() -> None:
    """No key is left for people to find elsewhere, and none is told that isn't there."""
    (table,) = re.findall(r"^## Settings$(.*?)^## ", README, re.DOTALL | re.MULTILINE)
    told = re.findall(r"^\| `([a-z_.]+)` \|", table, re.MULTILINE)

    sections = {name: known.annotation for name, known in Settings.model_fields.items() if name != "folder"}
    keys = {f"{name}.{key}" for name, model in sections.items() for key in getattr(model, "model_fields", ())}
    assert set(told) == keys


def test_the_guide_leaves_nothing_behind(guide: Typed) -> None:
    """Uninstalled, the schemas dropped, the sample stopped and its folder gone."""
    assert "nothing of ours is left on the application's tables" in guide.said[-2]
    assert "DROP SCHEMA" in guide.said[-2]
    assert not (guide.folder / "sample").exists()


def test_the_first_screen_says_what_it_is() -> None:
    """What it is, the two commands and the picture stand before everything else."""
    first = README[: README.index("\n## From ")]

    assert blocks_of(first) == ["make demo", "make test"]
    assert "```text" in first
    assert len(first.splitlines()) < 50


def blocks_of(text: str) -> list[str]:
    """The commands of the console blocks, without their comments."""
    lines = "".join(re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)).splitlines()
    return [line.removeprefix("$ ").partition("#")[0].strip() for line in lines]
