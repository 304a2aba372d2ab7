"""docs/api.md, typed as it stands there, line by line, at an API that is served over HTTP."""

import json
import os
import re
import subprocess
from pathlib import Path

from outbox.access import Role
from outbox.web.app import make_app
from tests.browser import Serve
from tests.conftest import Database
from tests.contract_application import install_application
from tests.factories import connect, insert_attempt, insert_connector, insert_delivery, insert_event
from tests.web import add_token, site_on

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def lines() -> list[str]:
    """What is to be typed, but the command that makes a token."""
    blocks = re.findall(r"^```console\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    typed = [re.sub(r"^\$ ", "", line, flags=re.MULTILINE) for line in blocks]
    return [block for block in typed if not block.startswith("outbox ")]


def test_the_page_does_what_it_says(database: Database, serve: Serve, tmp_path: Path) -> None:
    """Each line is answered well, and what it made and did is there."""
    install_application(database.server, database.name)
    with site_on(database) as site, connect(database) as sql:
        old = insert_connector(sql, "old", business_units=["1"])
        event = insert_event(sql, "k1", business_unit="1")
        insert_delivery(sql, event, old)
        insert_attempt(sql, event, old, outcome="timeout", settled="dead")
        variables = {"TOKEN": add_token(site, role=Role.ADMIN), "EVENT": str(event), "CONTRACT": "k1"}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", "\n".join(lines())],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "API": f"{serve(make_app(site))}/api/v1", **variables},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert sql.execute("SELECT name, version, timeout_seconds FROM outbox.connector ORDER BY id").fetchall() == [
            ("old", 1, 15),
            ("Provider reporting", 4, 5),
        ]
        assert sql.execute("SELECT event_id FROM outbox.queue").fetchall() == [(event,)]
    assert json.loads((tmp_path / "openapi.json").read_text(encoding="utf-8"))["openapi"] == "3.1.0"
