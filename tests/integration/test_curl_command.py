"""The curl command of a delivery: a real shell runs it, and a real receiver gets what was sent."""

import os
import string
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from outbox.curl_command import Sent, curl_command, variables
from outbox.request import REDACTED, basic_authorization
from tests.receiver import Answer, Receiver

TOKEN = st.text("!#$%&'*+.^_`|~-" + string.ascii_letters + string.digits, min_size=1, max_size=12)
VALUE = st.text([chr(code) for code in range(32, 127)], max_size=30).map(str.strip)
OWN = {"content-length", "host", "transfer-encoding", "connection", "expect", "user-agent", "accept", "content-type"}
HEADERS = st.dictionaries(TOKEN.filter(lambda name: name.lower() not in OWN), VALUE | st.just(REDACTED), max_size=4)
BODIES = st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))
SHELLS = ("sh", "bash")


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    """Keeps what it got."""
    receiver = Receiver(lambda _: Answer())
    yield receiver
    receiver.close()


def run(command: str, program: str = "sh", **environment: str) -> None:
    """The command in a real shell, with these variables set."""
    ended = subprocess.run(
        [program, "-euc", command],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment},
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert ended.returncode == 0, (command, ended.stderr)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(headers={"X-It's": "a 'b' \"c\" $(id) `id` \\ !!"}, body=b'it\'s $HOME `id` \\ "!!"\n\nREPORT\n', program="sh")
@example(headers={"x-key": REDACTED, "1-token": REDACTED}, body=b"\x00\xff\r\n\t", program="bash")
@example(headers={"x-empty": ""}, body=b"", program="sh")
@given(headers=HEADERS, body=BODIES, program=st.sampled_from(SHELLS))
def test_the_same_bytes_arrive(receiver: Receiver, headers: dict[str, str], body: bytes, program: str) -> None:
    """Whatever signs the report and its headers have: no shell reads any of them."""
    headers = {name.lower(): value for name, value in headers.items()}
    sent = Sent(f"{receiver.url}/a'b?x=$HOME&y=[1]", {"Content-Type": "application/json", **headers}, body)
    named = variables(sent)
    run(curl_command(sent), program, **{name: f"secret of {name}" for name in named})

    got = receiver.received.pop()
    assert got.body == body
    assert got.path == "/a'b?x=$HOME&y=[1]"
    for name, value in headers.items():
        assert got.headers[name].startswith("secret of ") if value == REDACTED else got.headers[name] == value
    assert got.headers["content-type"] == "application/json"
    assert set(got.headers) - set(headers) == {"host", "content-type", "content-length"}


def test_the_secret_is_a_variable(receiver: Receiver) -> None:
    """Of basic authentication it is the secret alone, as the connector has it; the command never holds it."""
    sent = Sent(receiver.url, {"Authorization": REDACTED, "webhook-signature": REDACTED}, b"{}", username="o'hara")
    assert variables(sent) == ["SECRET", "WEBHOOK_SIGNATURE"]
    run(curl_command(sent), SECRET="s3 cret$x", WEBHOOK_SIGNATURE="v1,abc=")

    got = receiver.received.pop()
    assert got.headers["authorization"] == basic_authorization("o'hara", "s3 cret$x")
    assert got.headers["webhook-signature"] == "v1,abc="


def test_a_large_report_is_read_from_a_file(receiver: Receiver, tmp_path: Path) -> None:
    """Whose name may have any signs too."""
    file = tmp_path / "report 1's.bin"
    file.write_bytes(b"\x00" * 70_000)
    run(curl_command(Sent(receiver.url, {}, None, body_file=str(file))))

    assert receiver.received.pop().body == file.read_bytes()
