"""Connectors by command: add, edit, enable, disable, remove, list, show, rekey."""

import json
import os
import pwd

import pytest

from outbox.secret_box import make_key
from tests.command import Command
from tests.connectors import queue
from tests.factories import Connection, hold, insert_attempt, insert_delivery, insert_event, insert_open

ADD = (
    "connectors",
    "add",
    "crm",
    "--business-unit",
    "Provider BU",
    "--trigger",
    "send",
    "--url",
    "https://crm.example/a",
)


@pytest.fixture
def outbox(command_line: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with a secret at hand."""
    monkeypatch.setenv("HUSH", "hush-hush")
    return command_line


def show(outbox: Command, name: str = "crm") -> dict[str, object]:
    """The connector as JSON."""
    [whole] = json.loads(outbox("connectors", "show", name, "--json"))
    assert isinstance(whole, dict)
    return whole


def test_add_takes_everything_that_the_page_asks(outbox: Command) -> None:
    """Every field has its option; the author is the user of the machine unless --as names another."""
    (outbox.folder / "signing").write_text("signing-secret-number-one\n")
    added = outbox(
        *ADD, "--trigger", "create", "--content-type", "application/x-www-form-urlencoded", "--secret-env", "HUSH",
        "--username", "me", "--no-ssl-verification", "--data", "status", "--company-field", "vat", "--company-field",
        "segment", "--map", "amount=deal.value", "--form-style", "payload", "--order", "none", "--max-in-flight", "3",
        "--rate", "0.5",
        "--timeout", "2.5", "--schedule", "5s, 1m", "--header", "X-Colour: red", "--header-env", "X-Api-Key=HUSH",
        "--signing-secret-file", str(outbox.folder / "signing"), "--disabled",
    )  # fmt: skip

    found = show(outbox)
    assert added == "connector 'crm' is added\n"
    assert found["state"] == "disabled"
    assert found["business_units"] == ["1"]
    assert found["triggers"] == ["create", "send"]
    assert found["field_mapping"] == [{"field": "amount", "property": "deal.value"}]
    assert found["schedule"] == [5, 60]
    assert found["headers"] == {"X-Colour": "red", "X-Api-Key": {"secret": "set"}}
    assert [found[key] for key in ("username", "data", "form_style", "order", "max_in_flight", "timeout_seconds")] == [
        "me", "status", "payload", "none", 3, 2.5
    ]  # fmt: skip
    assert found["rate_per_second"] == 0.5
    assert (found["secret"], found["signing_secret"], found["ssl_verification"]) == ("set", "set", False)
    assert found["changed_by"] == pwd.getpwuid(os.getuid()).pw_name
    assert "hush" not in json.dumps(found)


def test_edit_replaces_what_is_given_and_keeps_the_rest(outbox: Command) -> None:
    """Secrets stay unless another or --clear is given; nothing given, nothing done."""
    outbox(*ADD, "--secret-env", "HUSH", "--header-env", "X-Api-Key=HUSH", "--schedule", "5s")

    changed = outbox("connectors", "edit", "crm", "--url", "https://crm.example/b", "--as", "ada")
    again = outbox("connectors", "edit", "crm", "--url", "https://crm.example/b")
    cleared = outbox(
        "connectors", "edit", "crm", "--clear", "secret", "--clear", "schedule", "--clear", "headers", "--rename", "erp"
    )

    assert changed == "url: https://crm.example/a -> https://crm.example/b\nconnector 'crm' is changed\n"
    assert again == "connector 'crm' is what it was; nothing to do\n"
    assert cleared == (
        "name: crm -> erp\nsecret: set -> none\nschedule: 5s -> the service's own\nheaders.X-Api-Key: set -> none\n"
        "connector 'erp' is changed\n"
    )
    found = show(outbox, "erp")
    assert (found["version"], found["secret"], found["url"]) == (3, "none", "https://crm.example/b")
    assert "did you mean 'erp'" in outbox("connectors", "edit", "er", "--url", "https://x.example/", code=2)


def test_a_signing_secret_is_rotated_by_command(outbox: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sign until the old one is dropped, and `show` says so."""
    monkeypatch.setenv("ONE", "signing-secret-number-one")
    monkeypatch.setenv("TWO", "signing-secret-number-two")
    outbox(*ADD, "--signing-secret-env", "ONE")

    assert outbox("connectors", "edit", "crm", "--signing-secret-env", "TWO").startswith("signing_secret: changed\n")
    assert "Old signing secret" in outbox("connectors", "show", "crm")
    dropped = outbox("connectors", "edit", "crm", "--drop-old-signing-secret")

    assert dropped.startswith("signing_secret_old: set -> none\n")
    assert "Old signing secret" not in outbox("connectors", "show", "crm")


WRONG = (
    (("--business-unit", "Retail"), "outbox: --business-unit: expected one business unit, got 'Retail'"),
    (("--trigger", "sned"), "outbox: --trigger: expected 'create', 'update'"),
    (("--url", "https://me:pw@crm.example/"), "outbox: --url: expected a URL without user name and password"),
    (
        ("--secret-env", "NOWHERE"),
        "outbox: --secret-env, --secret-file: expected environment variable NOWHERE, got none; set it",
    ),
    (("--secret-env", "HUSH", "--secret-file", "x"), "--secret-env, --secret-file: expected one of them, got both"),
    (("--map", "amount"), "--map: expected FIELD=PROPERTY, got 'amount'"),
    (("--map", "amount=contract"), "contract"),
    (("--header", "X-Colour"), "--header: expected 'Name: value'"),
    (
        ("--header", "X-Api-Key: hush"),
        "outbox: --header X-Api-Key: expected a secret value in a variable, by --header-env",
    ),
    (("--header-env", "X-Colour=HUSH"), "outbox: --header X-Colour: expected a text, got a reference"),
    (("--schedule", "soon"), "a duration such as 5m"),
    (("--clear", "secret"), "are for edit; leave them out"),
    (("--as", " "), "--as: expected a name"),
)


def test_what_is_wrong_is_refused_with_exit_code_2(outbox: Command) -> None:
    """In words, with nothing added."""
    for words, fault in WRONG:
        shown = outbox(*ADD, *words, code=2)

        assert fault in shown
        assert "hush" not in shown.replace("HUSH", "")
    assert json.loads(outbox("connectors", "list", "--json")) == []


def test_a_secret_needs_a_key(outbox: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused with the command that makes one, which then works."""
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", "")
    assert "make one with `outbox secret-key`" in outbox(*ADD, "--secret-env", "HUSH", code=2)

    monkeypatch.setenv("OUTBOX_SECRET_KEYS", outbox("secret-key").strip())
    outbox(*ADD, "--secret-env", "HUSH")
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", "not a key")
    assert "OUTBOX_SECRET_KEYS: key 1: expected 32 bytes in URL-safe base64" in outbox("connectors", "list", code=2)


def test_list_and_show_say_how_it_stands(outbox: Command, sql: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """State, why, how much waits, who changed it."""
    outbox(*ADD, "--secret-env", "HUSH", "--as", "ada")
    outbox("connectors", "disable", "crm", "--reason", "night work", "--as", "bob")
    queue(sql, int(str(show(outbox)["id"])))

    listed, shown = outbox("connectors", "list"), outbox("connectors", "show", "crm")

    for words in ("crm", "disabled", "night work", "Provider BU (1)", "https://crm.example/a", "1"):
        assert words in listed
    for words in (
        "Payload URL",
        "SSL Verification",
        "Company extra fields",
        "set",
        "night work",
        "disable",
        "ada",
        "bob",
    ):
        assert words in shown
    [row] = json.loads(outbox("connectors", "list", "--json"))
    assert (row["waiting"], row["state"], row["reason"], row["version"]) == (1, "disabled", "night work", 2)
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", make_key())
    outbox("connectors", "enable", "crm", "--yes")
    [row] = json.loads(outbox("connectors", "list", "--json"))
    assert (row["state"], row["reason"]) == ("held", "its secret can't be opened with the keys at hand")
    assert outbox("connectors", "rekey", code=1).endswith("add that key, or set the secret again\n")


def test_a_held_connector_says_why_since_when_and_when_it_is_probed(outbox: Command, sql: Connection) -> None:
    """Until a person enables it: then it is well, as a version of its own."""
    outbox(*ADD)
    hold(sql, int(str(show(outbox)["id"])))

    [row] = json.loads(outbox("connectors", "list", "--json"))
    assert (row["state"], row["reason"]) == ("held", "10 attempts in a row failed")
    assert row["held_at"] == row["next_probe_at"]
    listed = outbox("connectors", "list")
    assert "held" in listed
    assert "10 attempts in a row failed" in listed
    shown = outbox("connectors", "show", "crm")
    for words in ("held", "10 attempts in a row failed", "Held since (UTC)", "Next probe (UTC)", row["next_probe_at"]):
        assert words in shown

    outbox("connectors", "enable", "crm", "--yes")
    [row] = json.loads(outbox("connectors", "list", "--json"))
    assert (row["state"], row["reason"], row["held_at"], row["version"]) == ("enabled", None, None, 2)


def test_enable_disable_and_remove_say_what_waits_and_ask(outbox: Command, sql: Connection) -> None:
    """What would be sent or cancelled is counted first; without an answer nothing is done."""
    outbox(*ADD)
    connector_id = int(str(show(outbox)["id"]))
    queue(sql, connector_id)
    queue(sql, connector_id)

    assert "its deliveries wait (2 now) until it is enabled" in outbox("connectors", "disable", "crm")
    assert "is disabled already" in outbox("connectors", "disable", "crm")
    assert "2 deliveries wait for 'crm' and will be sent. Enable it?" in outbox("connectors", "enable", "crm", code=1)
    assert "2 deliveries wait for it" in outbox("connectors", "enable", "crm", "--yes")
    assert "nothing to do" in outbox("connectors", "enable", "crm")
    asked = outbox("connectors", "disable", "crm", "--discard", code=1)
    assert "2 deliveries wait for 'crm' and will be cancelled. Disable it?" in asked
    assert "2 deliveries cancelled" in outbox("connectors", "disable", "crm", "--discard", "--yes")
    queue(sql, connector_id)
    assert "1 delivery waits for 'crm' and will be cancelled. Remove it?" in outbox(
        "connectors", "remove", "crm", code=1
    )
    assert outbox("connectors", "remove", "crm", "--yes") == "connector 'crm' is removed; 1 delivery cancelled\n"
    assert "expected the name of a connector, got 'crm'; there is none yet" in outbox(
        "connectors", "show", "crm", code=2
    )


def test_rekey_by_command(outbox: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new key before the old one, rekey, and the old one can go."""
    old, new = os.environ["OUTBOX_SECRET_KEYS"], make_key()
    outbox(*ADD, "--secret-env", "HUSH")
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", f"{new},{old}")
    assert outbox("connectors", "rekey") == "1 connector has its secrets under the first key now\n"

    monkeypatch.setenv("OUTBOX_SECRET_KEYS", new)

    assert show(outbox)["state"] == "enabled"


def test_company_fields_are_held_against_the_companies_of_the_units(outbox: Command, sql: Connection) -> None:
    """Columns and keys of extra of the connector's own units, whatever events there are; of contracts, the query."""
    sql.execute("INSERT INTO company VALUES (8, 2, 'Other', 'DE9', '{\"region\": 1}')")
    fields = [word for name in ("vat", "segment", "region") for word in ("--company-field", name)]

    said = outbox(*ADD, *fields, "--trigger", "expired", "--map", "titel=Deal.Title")

    for words in (
        "note: triggers: no rule of the source mapping captures 'expired' yet, so it will report nothing",
        "note: field_mapping: the contract query gives no 'titel', so 'Deal.Title' will be null; did you mean 'title'?",
        "note: company_fields: no company of these business units has 'region', so it will be null; known:",
    ):
        assert words in said
    assert "region" not in outbox("connectors", "edit", "crm", "--business-unit", "*")


def test_show_has_the_words_of_the_page(outbox: Command) -> None:
    """Who filled in the page finds its words again; a name that is taken is wrong usage."""
    outbox(*ADD, "--no-ssl-verification", "--data", "status")

    shown = outbox("connectors", "show", "crm")

    for words in ("Business Units", "Payload URL", "Content-Type", "Disable SSL verification", "Only Update Status"):
        assert words in shown
    assert "got 'crm', which a connector has" in outbox(*ADD, code=2)
    assert outbox("connectors", "show", "crm", "--format", "json") == outbox("connectors", "show", "crm", "--json")
    assert "expected table or json here, got 'csv'" in outbox("connectors", "list", "--format", "csv", code=2)


def test_what_will_not_work_as_meant_is_said(outbox: Command) -> None:
    """An address that the sender refuses, and a form's style for JSON; an address that the settings open is well."""
    told = outbox(*ADD[:-1], "http://10.1.2.3/hook", "--form-style", "payload")

    assert "note: url: 10.1.2.3 will be refused when something is sent (private)" in told
    assert "note: form_style: payload is for forms; with application/json it changes nothing" in told
    assert "note: url" not in outbox("connectors", "edit", "crm", "--url", "http://127.0.0.1:1/hook")


def test_show_tells_of_the_last_hour(outbox: Command, sql: Connection) -> None:
    """What came of its attempts, how long answers took, and since when the oldest delivery waits."""
    outbox(*ADD)
    connector = int(str(show(outbox)["id"]))
    assert "no attempts" in outbox("connectors", "show", "crm")
    for outcome in ("ok", "http_error"):
        event = insert_event(sql)
        insert_delivery(sql, event, connector)
        insert_attempt(sql, event, connector, outcome=outcome, duration_ms=40)
    insert_open(sql, connector)

    shown, whole = outbox("connectors", "show", "crm"), show(outbox)

    assert "attempts 2, answered 2xx 1, dead 0; answers took 40 ms (p50), 40 ms (p95)" in shown
    assert "The oldest since (UTC)" in shown
    assert (whole["waiting"], whole["attempts_last_hour"]) == (1, 2)
    assert str(whole["oldest_waits_since"]).endswith("Z")
