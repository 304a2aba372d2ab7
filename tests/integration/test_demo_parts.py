"""The demo's parts alone: the embedded server, the receivers' answers, the copy of the outbox's book."""

import http.client
import json
import shlex
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from outbox.embedded import EmbeddedServer, binaries
from outbox.errors import ConfigurationError, RefusedError
from outbox_demo import sample
from outbox_demo.ledgers import copy_outbox, in_doubt
from outbox_demo.receivers import FORM, JSON, ReceiverServer, receivers
from outbox_demo.run import run as run_demo
from tests.conftest import Database

REPORT = json.dumps({"id": 7, "trigger": "send", "contract_id": "12", "occurred_at": "2025-01-02T03:04:05Z"}).encode()
Post = Callable[..., int | None]


@pytest.mark.parametrize("version", [16, 18])
def test_embedded_server_runs_and_stops(tmp_path: Path, version: int) -> None:
    """A server of each version starts, asks for the password, speaks UTC and UTF-8, and is gone afterwards."""
    with EmbeddedServer(tmp_path / "server", version=version) as server:
        with psycopg.connect(server.dsn()) as connection:
            found = connection.execute("SELECT current_setting('timezone'), current_setting('server_encoding')")
            assert found.fetchone() == ("UTC", "UTF8")
            assert connection.info.server_version // 10_000 == version
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(server.dsn(password="wrong"))
        assert server.url("contracts").startswith("postgresql+psycopg://postgres:")
        dsn = server.dsn()
    assert server.pid is None
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(dsn)


def test_unknown_version_is_refused() -> None:
    """The words say which versions there are."""
    with pytest.raises(ConfigurationError, match="expected embedded PostgreSQL 16 or 18, got 12"):
        binaries(12)


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    """Posts to a running receiver, chosen by name; the status, or None when the connection was closed."""
    servers = {one.name: ReceiverServer(one, tmp_path) for one in receivers("geheim")}
    for server in servers.values():
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def send(name: str, body: bytes = REPORT, *, content_type: str = JSON, **headers: str) -> int | None:
        connection = http.client.HTTPConnection("127.0.0.1", servers[name].server_port, timeout=5)
        try:
            given = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request("POST", f"/{name}", body, {"Content-Type": content_type, **given})
            return connection.getresponse().status
        except http.client.RemoteDisconnected:
            return None
        finally:
            connection.close()

    yield send
    for server in servers.values():
        server.shutdown()
        server.server_close()


def test_receivers_refuse_what_is_no_report_of_theirs(post: Post) -> None:
    """The wrong content type is 415, a body that is no report 400."""
    assert post("crm") == 200
    assert post("crm", content_type=FORM) == 415
    assert post("crm", b"{}") == 400
    assert post("crm", b"\xff") == 400
    assert post("erp", b"id=7&trigger=send&contract_id=12&occurred_at=x", content_type=FORM) == 200
    assert post("erp", b"", content_type=FORM) == 400


def test_signing_desk_wants_basic_authentication(post: Post) -> None:
    """Without credentials, or with wrong ones, the answer is 401."""
    assert post("desk") == 401
    assert post("desk", Authorization="Basic " + b64encode(b"desk:falsch").decode()) == 401
    assert post("desk", Authorization="Basic " + b64encode(b"desk:geheim").decode()) == 200


def test_flaky_receiver_fails_a_fifth_and_then_accepts(post: Post, tmp_path: Path) -> None:
    """About a fifth of the reports fail at first, in all three ways; two further tries always come through."""
    first = {f"id-{number}": post("lake", webhook_id=f"id-{number}") for number in range(150)}
    failed = [webhook_id for webhook_id, status in first.items() if status != 200]
    assert {first[webhook_id] for webhook_id in failed} == {500, 503, None}
    assert 15 <= len(failed) <= 45
    for webhook_id in failed:
        post("lake", webhook_id=webhook_id)
        assert post("lake", webhook_id=webhook_id) == 200
    lines = [json.loads(line) for line in (tmp_path / "lake.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == 150 + 2 * len(failed)
    assert (lines[0]["event"], lines[0]["contract"], lines[0]["webhook_id"]) == ("7", "12", "id-0")


def test_transaction_in_doubt_is_settled_by_the_database(database: Database, tmp_path: Path) -> None:
    """Where the journal ends between a commit and its outcome, the book copied from the database says how it ended."""
    with database.connect() as connection:
        committed = connection.execute("SELECT CAST(pg_current_xact_id() AS text)").fetchone()
        connection.commit()
        aborted = connection.execute("SELECT CAST(pg_current_xact_id() AS text)").fetchone()
        connection.rollback()
    assert committed is not None
    assert aborted is not None
    lines = [{"xid": xid, "act": "edit", "deeds": []} for xid in (*committed, *aborted, "5")]
    written = "".join(json.dumps(line) + "\n" for line in [*lines, {"xid": "5", "outcome": "committed"}])
    (tmp_path / "journal.jsonl").write_text(written, encoding="utf-8")
    assert in_doubt(tmp_path) == [*committed, *aborted]
    copy_outbox(database.dsn, tmp_path)
    copied = [json.loads(line) for line in (tmp_path / "outbox.jsonl").read_text(encoding="utf-8").splitlines()]
    assert copied == [{"transaction": [*committed, "committed"]}, {"transaction": [*aborted, "aborted"]}]


def test_a_demo_that_cannot_begin_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the embedded server it says what to install, and has made nothing."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    with pytest.raises(ConfigurationError, match="expected embedded PostgreSQL 16 or 18, got 15"):
        run_demo(seconds=1, version=15)
    assert list(tmp_path.iterdir()) == []


def test_a_sample_takes_a_folder_of_its_own(tmp_path: Path) -> None:
    """Nothing of others is overwritten or removed, and what doesn't run can't be stopped."""
    (tmp_path / "mine").write_text("kept")

    with pytest.raises(ConfigurationError, match="expected a new folder"):
        sample.start(tmp_path)
    with pytest.raises(RefusedError, match="no sample runs in"):
        sample.stop(tmp_path)
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]


def test_a_sample_that_stands_is_told_from_a_dead_one(database: Database, tmp_path: Path) -> None:
    """Who starts one again is told which of the two it is, and what to do."""
    (tmp_path / "pid").write_text("1")
    url = database.url.replace("+psycopg", "", 1)
    for there, said in ((url, "a sample runs in .* already"), (url + "_gone", "is dead.*outbox sample stop .*again")):
        (tmp_path / "env").write_text(f"export OUTBOX_DATABASE_URL={shlex.quote(there)}\n")
        with pytest.raises(RefusedError, match=said):
            sample.start(tmp_path)
