"""Reports verified by receivers that we did not write: Debian's nginx and its `webhook`."""

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import pytest
import trustme
from standardwebhooks.webhooks import Webhook

from outbox.model import Connector, Kind, Leased, Outcome, Response, Trigger
from outbox.request import build_request
from tests.transports import TRANSPORTS

SECRET = "páss: wörd/+="
SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = '{"id":7,"trigger":"create","contract":{"title":"Smlouva č. 1 \\"„“\\u0001","amount":12.50}}'.encode()
STARTS_WITHIN_SECONDS = 10
WRITES_WITHIN_SECONDS = 5


def program(name: str) -> str:
    """The path of a program of Debian's package of the same name, which must be installed."""
    found = shutil.which(name, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
    assert found, f"expected Debian's package {name!r}, found none; install it with: apt-get install -y {name}"
    return found


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(*command: str, port: int) -> Iterator[None]:
    """A program for the length of a test, once it listens on `port`."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        give_up = time.monotonic() + STARTS_WITHIN_SECONDS
        while True:
            with socket.socket() as knock:
                if knock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, f"{command[0]} ended: {process.communicate()[0]}"
            assert time.monotonic() < give_up, f"{command[0]} did not listen within {STARTS_WITHIN_SECONDS} s"
            time.sleep(0.01)
        yield
    finally:
        process.terminate()
        process.communicate(timeout=40)


NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  client_body_temp_path {folder}/bodies; client_body_in_file_only on; client_body_buffer_size 1m;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  log_format heads escape=json '{{"user":"$remote_user","id":"$http_webhook_id","timestamp":"$http_webhook_timestamp",'
    '"signature":"$http_webhook_signature","type":"$content_type","connection":"$connection","status":"$status"}}';
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{tls_port} ssl; ssl_certificate {folder}/server.pem; ssl_certificate_key {folder}/server.key;
    location /hook {{
      auth_basic "reports"; auth_basic_user_file {folder}/users;
      access_log {folder}/access.log heads;
      proxy_pass http://127.0.0.1:{port}/taken;
    }}
    location /taken {{ access_log off; return 202 "taken"; }}
  }}
}}
"""


class Nginx:
    """A running nginx that asks for basic authentication and keeps every body."""

    def __init__(self, folder: Path, port: int, tls_port: int) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}/hook"
        self.tls_url = f"https://127.0.0.1:{tls_port}/hook"
        self.ca_file = folder / "ca.pem"

    @property
    def bodies(self) -> list[bytes]:
        """Every body that it let in, oldest first."""
        files = [path for path in (self.folder / "bodies").rglob("*") if path.is_file()]
        return [path.read_bytes() for path in sorted(files, key=lambda path: path.name)]

    def heads(self, count: int) -> list[dict[str, str]]:
        """What it saw of each request's headers, once it has written `count` of them (just after it answers)."""
        give_up = time.monotonic() + WRITES_WITHIN_SECONDS
        while len(lines := (self.folder / "access.log").read_text().splitlines()) < count:
            assert time.monotonic() < give_up, f"expected {count} requests in nginx's log, got {len(lines)}"
            time.sleep(0.005)
        return [json.loads(line) for line in lines]


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[Nginx]:
    """Nginx with one user, plain and over TLS."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.private_key_pem.write_to_path(tmp_path / "server.key")
    for part in certificate.cert_chain_pems:
        part.write_to_path(tmp_path / "server.pem", append=True)
    digest = base64.b64encode(hashlib.sha1(SECRET.encode()).digest()).decode()  # noqa: S324 - the form that nginx reads
    (tmp_path / "users").write_text(f"reports:{{SHA}}{digest}\n")
    made = Nginx(tmp_path, free_port(), free_port())
    port, tls_port = (int(url.split(":")[2].split("/")[0]) for url in (made.url, made.tls_url))
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, port=port, tls_port=tls_port))
    command = (
        program("nginx"),
        "-p",
        str(tmp_path),
        "-c",
        str(tmp_path / "nginx.conf"),
        "-e",
        str(tmp_path / "error.log"),
    )
    with running(*command, port=port):
        yield made


def connector(url: str, secret: str | None = SECRET) -> Connector:
    """A connector with basic authentication and a signature."""
    return Connector(
        id=3,
        version=1,
        name="foreign",
        business_units=("*",),
        triggers=frozenset(Trigger),
        url=url,
        username="reports",
        secret=secret,
        signing_secrets=(SIGNING_SECRET,),
        timeout_seconds=5,
    )


class Send(Protocol):
    """Sends the report as the relay does, over one transport."""

    def __call__(
        self, to: Connector, *, ca_file: Path | None = None, body: bytes = BODY, times: int = 1
    ) -> list[Response]:
        """So many times."""


@pytest.fixture(params=TRANSPORTS)
def send(request: pytest.FixtureRequest) -> Send:
    """By each transport."""

    def sending(to: Connector, *, ca_file: Path | None = None, body: bytes = BODY, times: int = 1) -> list[Response]:
        leased = Leased(7, 3, "c-1", Trigger.CREATE, 1, 1, Kind.AUTO, 1, body)
        transport = TRANSPORTS[request.param](allow_networks=["127.0.0.0/8"], ca_file=ca_file)
        responses = [transport.send(build_request(leased, to, now=datetime.now(UTC))) for _ in range(times)]
        transport.close()
        return responses

    return sending


def test_nginx_lets_in_the_right_secret_and_gets_the_exact_bytes(send: Send, nginx: Nginx) -> None:
    """By nginx's own reading, user, headers and every byte of the body are what was configured and stored."""
    (response,) = send(connector(nginx.url))

    assert (response.outcome, response.status, response.body) == (Outcome.OK, 202, b"taken")
    assert nginx.bodies == [BODY]
    (head,) = nginx.heads(1)
    assert (head["user"], head["id"], head["type"]) == ("reports", "dlv_7_3", "application/json")


def test_the_signature_holds_for_what_nginx_received(send: Send, nginx: Nginx) -> None:
    """Standard Webhooks' own library verifies the headers that nginx saw against the bytes that nginx kept."""
    send(connector(nginx.url))

    (body,), (head,) = nginx.bodies, nginx.heads(1)
    headers = {f"webhook-{name}": head[name] for name in ("id", "timestamp", "signature")}
    assert Webhook(SIGNING_SECRET).verify(body, headers)["contract"]["amount"] == 12.5


@pytest.mark.parametrize("secret", ["wrong", None, ""])
def test_nginx_keeps_out_a_wrong_secret(send: Send, nginx: Nginx, secret: str | None) -> None:
    """A wrong or missing secret is 401, and nothing is let in."""
    (response,) = send(connector(nginx.url, secret))

    assert (response.outcome, response.error_code) == (Outcome.HTTP_ERROR, "status_401")
    assert ("WWW-Authenticate", 'Basic realm="reports"') in response.headers
    assert nginx.bodies == []


def test_nginx_over_tls_is_verified_and_kept_open(send: Send, nginx: Nginx) -> None:
    """With its authority known nginx gets reports over TLS, many on one connection; without it, none."""
    responses = send(connector(nginx.tls_url), ca_file=nginx.ca_file, times=5)
    (unverified,) = send(connector(nginx.tls_url))
    (unchecked,) = send(replace(connector(nginx.tls_url), ssl_verification=False))

    assert {one.outcome for one in (*responses, unchecked)} == {Outcome.OK}
    assert (unverified.outcome, unverified.error_code) == (Outcome.TLS, "unknown_ca")
    assert nginx.bodies == [BODY] * 6
    assert len({head["connection"] for head in nginx.heads(6)}) == 2


def test_nginx_refuses_a_large_report_and_its_answer_is_kept(send: Send, nginx: Nginx) -> None:
    """A body over the receiver's own limit brings its 413, not a broken pipe."""
    (response,) = send(connector(nginx.url), body=b"[" + b"1," * 3_000_000 + b"1]")

    assert (response.outcome, response.error_code) == (Outcome.HTTP_ERROR, "status_413")


def header_rule(name: str, value: str) -> dict[str, object]:
    """A rule of `webhook`: this header has this value."""
    return {"match": {"type": "value", "value": value, "parameter": {"source": "header", "name": name}}}


def test_webhook_triggers_on_its_rules_and_reads_the_report(send: Send, tmp_path: Path) -> None:
    """Debian's `webhook` checks credentials and a field of the report, and hands fields to a command."""
    port = free_port()
    fields = [("header", "Webhook-Id"), ("header", "Outbox-Attempt"), ("payload", "contract.amount")]
    rules = [
        header_rule("Authorization", "Basic cmVwb3J0czpvcGVuIHNlc2FtZQ=="),
        header_rule("Outbox-Trigger", "create"),
        {"match": {"type": "value", "value": "create", "parameter": {"source": "payload", "name": "trigger"}}},
    ]
    hook = {
        "id": "contracts",
        "execute-command": "/bin/echo",
        "include-command-output-in-response": True,
        "pass-arguments-to-command": [{"source": source, "name": name} for source, name in fields],
        "trigger-rule": {"and": rules},
        "trigger-rule-mismatch-http-response-code": 403,
    }
    (tmp_path / "hooks.json").write_text(json.dumps([hook]))
    command = (program("webhook"), "-hooks", str(tmp_path / "hooks.json"), "-ip", "127.0.0.1", "-port", str(port))
    with running(*command, port=port):
        url = f"http://127.0.0.1:{port}/hooks/contracts"
        (right,) = send(connector(url, "open sesame"))
        (wrong,) = send(connector(url, "open sesam"))

    assert (right.outcome, right.body) == (Outcome.OK, b"dlv_7_3 1 12.50\n")
    assert (wrong.outcome, wrong.error_code) == (Outcome.HTTP_ERROR, "status_403")
