"""The rules for what a connector may name: URLs and headers."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.request import ascii_url, header_faults, url_faults


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/webhook",
        "HTTP://Example.COM:8080",
        "https://example.com./a?b=c&d=%20",
        "https://bücher.example/straße?ü=1",
        "http://[2001:db8::1]:8080/x",
        "http://my_service:8080/x",
        "http://0x7f.1/",
        "https://example.com/" + "a" * 2000,
    ],
)
def test_a_sound_url_has_no_faults(url: str) -> None:
    """Names, addresses in every spelling, ports, international names and escaped paths are accepted."""
    assert url_faults(url) == []


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "1 to 2048 characters, got 0"),
        ("https://example.com/" + "a" * 2048, "got 2068"),
        ("example.com/webhook", "begins with https:// or http://, got 'example.com'"),
        ("ftp://example.com/", "got 'ftp://example.com'"),
        ("file:///etc/passwd", "got 'file://'"),
        ("https://user:pw@example.com/", "without user name and password"),
        ("https://@example.com/", "without user name and password"),
        ("https://example.com/#top", "without a fragment"),
        ("https://example.com/#", "without a fragment"),
        ("https://example.com/a b", "without spaces"),
        ("https://example.com/\r\nX: y", "without spaces, control characters"),
        ("https://exa\tmple.com/", "without spaces, control characters"),
        ("https://example.com\\@evil.example/", "backslashes"),
        ("https:///path", "no host"),
        ("https://:443/path", "no host"),
        ("https://example.com:0/", "from 1 to 65535, got 0"),
        ("https://example.com:65536/", "got 'https://example.com:65536'; correct its host or port"),
        ("https://example.com:http/", "got 'https://example.com:...'; correct its host or port"),
        ("https://[::1/", "got 'https://[::1'; correct its host or port"),
        ("https://[fe80::1%25eth0]/", "zone"),
        ("https://a..b/", "'' is no label"),
        ("https://-a.example/", "'-a' is no label"),
        ("https://exa%41mple.com/", "is no label"),
        (f"https://{'a' * 64}.example/", "is no label"),
        (f"https://{'.'.join(['abcdefg'] * 32)}/", "longer than 253"),
        ("https://bad\u2603.example/", "host name or address"),
    ],
)
def test_a_broken_url_is_named_in_words(url: str, words: str) -> None:
    """Each fault says what was expected, what came and what to do."""
    faults = url_faults(url)

    assert any(words in fault and fault.startswith("expected") for fault in faults), faults


def test_no_fault_quotes_what_may_be_secret() -> None:
    """A URL may carry a credential, so a refusal tells scheme, host and port alone."""
    for url in (
        "ftp://u:hunter2@example.com/#hunter2",
        "https://u:hunter2@example.com:x/",
        "https://u:hunter2/",
        "https://u:a/hunter2@example.com:x/",
        "ftp://example.com/?m=a@b&hunter2",
        "example.com:hunter2",
        "ftp:\\\\hunter2@example.com",
    ):
        assert "hunter2" not in " ".join(url_faults(url))


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("HTTPS://Example.COM", "https://example.com/"),
        ("https://bücher.example:8443/straße?q=ü", "https://xn--bcher-kva.example:8443/stra%C3%9Fe?q=%C3%BC"),
        ("http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/x", "http://127.0.0.1/x"),
        ("http://[0:0::1]:80/%zz?a=%2f", "http://[::1]:80/%25zz?a=%2f"),
        ("https://example.com./a;b=c/@d?e=[1]", "https://example.com./a;b=c/@d?e=%5B1%5D"),
    ],
)
def test_a_url_is_sent_in_plain_ascii(url: str, sent: str) -> None:
    """Every transport gets the same ASCII spelling, so none has to guess."""
    assert ascii_url(url) == sent
    assert ascii_url(sent) == sent


@given(st.text(max_size=60).map("https://host.example/{}".format))
def test_whatever_passes_the_rules_can_be_spelled_in_ascii(url: str) -> None:
    """No accepted URL breaks the spelling, changes its host or leaves printable ASCII."""
    if url_faults(url):
        return
    sent = ascii_url(url)

    assert sent.isascii()
    assert sent.isprintable()
    assert urlsplit(sent).hostname == "host.example"


@given(st.text(max_size=80))
def test_any_text_is_judged_without_an_exception(text: str) -> None:
    """Rules answer with faults, whatever is typed."""
    assert url_faults(text) or ascii_url(text)
    assert isinstance(header_faults([(text, text)], has_secret=True), list)


def test_sound_headers_have_no_faults() -> None:
    """Own headers, a cookie and (without a secret) an own Authorization are accepted."""
    own = [("X-Api-Key", "k 1"), ("Cookie", "a=b"), ("Authorization", "Bearer x"), ("User-Agent", "acme/1")]

    assert header_faults(own, has_secret=False) == []


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("X-A", "hidden\r\nX-B: y", "printable ASCII in one line"),
        ("X-A", "hidden\n", "printable ASCII in one line"),
        ("X-A", "hidden\0", "printable ASCII in one line"),
        ("X-A", "hiddenü", "printable ASCII in one line"),
        ("X-A", " hidden", "without spaces around it"),
        ("X-A", "hidden" * 1000, "at most 4096 characters, got 6000"),
        ("X A", "v", "a name of letters"),
        ("X-A:", "v", "a name of letters"),
        ("", "v", "a name of letters"),
        ("X\r\nY", "v", "a name of letters"),
        ("Host", "v", "does not set itself"),
        ("content-LENGTH", "v", "does not set itself"),
        ("Content-Type", "v", "does not set itself"),
        ("Transfer-Encoding", "v", "does not set itself"),
        ("Connection", "v", "does not set itself"),
        ("Expect", "v", "does not set itself"),
        ("Accept-Encoding", "v", "does not set itself"),
        ("Webhook-Id", "v", "outside webhook-* and outbox-*"),
        ("outbox-attempt", "v", "outside webhook-* and outbox-*"),
        ("AUTHORIZATION", "v", "remove the header or the secret"),
    ],
)
def test_a_broken_header_is_named_in_words(name: str, value: str, words: str) -> None:
    """Each fault names the header, says what was expected and never repeats the value."""
    faults = header_faults([(name, value)], has_secret=True)

    assert any(words in fault and repr(name) in fault for fault in faults), faults
    assert "hidden" not in " ".join(faults)


def test_headers_are_bounded_and_unique() -> None:
    """A name comes once, in whatever letters, and there are at most 30."""
    assert "got it again" in header_faults([("X-A", "1"), ("x-a", "2")], has_secret=False)[0]
    assert "at most 30 headers, got 31" in header_faults([(f"X-{n}", "v") for n in range(31)], has_secret=False)[0]
