"""Connectors as code: diff, apply, export, through the command."""

import tomllib

import pytest

from outbox.connector import ConnectorSpec
from outbox.connector_input import read_connector
from outbox.connectors_file import read_connectors_file
from outbox.resources import folder
from tests.command import Command
from tests.factories import Connection

CRM = """
[[connector]]
name = "crm"
business_units = ["Provider BU"]
triggers = ["create", "update", "send"]
url = "https://example.com/webhook"
content_type = "application/json"
secret = { env = "CRM_SECRET" }
ssl_verification = true
data = "everything"
"""
ERP = """
[[connector]]
name = "erp"
business_units = ["2"]
triggers = ["send"]
url = "https://erp.example/hook"
content_type = "application/x-www-form-urlencoded"
signing_secret = { file = "signing" }
headers = { "X-Colour" = "red", "X-Api-Key" = { env = "ERP_KEY" } }
schedule = ["5s", "1m"]
field_mapping = [{ field = "amount", property = "DealValue" }]
"""


@pytest.fixture
def outbox(command_line: Command, monkeypatch: pytest.MonkeyPatch) -> Command:
    """The command, with both connectors in the file and their secrets at hand."""
    (command_line.folder / "connectors.toml").write_text(CRM + ERP)
    (command_line.folder / "signing").write_text("signing-secret-number-one\n")
    monkeypatch.setenv("CRM_SECRET", "your_secret_key")
    monkeypatch.setenv("ERP_KEY", "hush-erp")
    return command_line


def versions(sql: Connection) -> list[tuple[object, ...]]:
    """Every version: connector, action, who, from where."""
    return sql.execute(
        "SELECT c.name, v.version, v.action, v.changed_by, v.origin FROM outbox.connector_version v"
        " JOIN outbox.connector c ON c.id = v.connector_id ORDER BY v.changed_at"
    ).fetchall()


def test_apply_makes_what_diff_showed_and_then_has_nothing_to_do(outbox: Command, sql: Connection) -> None:
    """Diff changes nothing; apply names the same, makes it, and a second one makes no version."""
    shown = outbox("connectors", "diff", "--exit-code", code=1)
    assert versions(sql) == []

    applied = outbox("connectors", "apply", "--yes", "--as", "ada")

    assert applied.startswith(shown)
    assert "+ crm\n    name: crm\n    business_units: Provider BU (1)\n" in shown
    assert "2 to create, 0 to change, 0 to remove, 0 unchanged" in shown
    made = [("crm", 1, "create", "ada", "code"), ("erp", 1, "create", "ada", "code")]
    assert versions(sql) == made
    assert outbox("connectors", "apply", "--yes") == "no changes\n"
    assert outbox("connectors", "diff", "--exit-code") == "no changes\n"
    assert versions(sql) == made


def test_secrets_are_told_as_changed_or_unchanged(outbox: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never as they are."""
    outbox("connectors", "apply", "--yes")
    monkeypatch.setenv("ERP_KEY", "hush-new")
    file = outbox.folder / "connectors.toml"
    file.write_text(file.read_text().replace("/webhook", "/other"))

    shown = outbox("connectors", "diff")

    assert "~ crm\n    url: https://example.com/webhook -> https://example.com/other\n    secret: unchanged\n" in shown
    assert "~ erp\n    headers.X-Api-Key: changed\n    signing_secret: unchanged\n" in shown
    assert "hush" not in shown
    assert "your_secret_key" not in shown


def test_edits_made_elsewhere_are_named_and_overwritten(outbox: Command, sql: Connection) -> None:
    """Apply says who changed what it is about to overwrite, when and from where."""
    outbox("connectors", "apply", "--yes", "--as", "ada")
    outbox("connectors", "edit", "crm", "--max-in-flight", "2", "--as", "bob")

    shown = outbox("connectors", "apply", "--yes", "--as", "ada")

    assert "    changed by bob at 2" in shown
    assert "on the command line (edit, version 2)" in shown
    assert "    max_in_flight: 2 -> 8\n" in shown
    assert versions(sql)[-1] == ("crm", 3, "edit", "ada", "code")
    assert outbox("connectors", "diff") == "no changes\n"


def test_apply_asks_and_nobody_to_answer_is_a_no(outbox: Command, sql: Connection) -> None:
    """Without --yes and a terminal nothing is done, and that is said."""
    assert "say --yes" in outbox("connectors", "apply", code=1)
    assert versions(sql) == []


def test_only_prune_removes_and_only_what_apply_created(outbox: Command, sql: Connection) -> None:
    """What is in the file no more stays until --prune; what was added by hand stays for ever."""
    outbox("connectors", "apply", "--yes")
    outbox("connectors", "add", "own", "--business-unit", "*", "--trigger", "send", "--url", "https://own.example/")
    (outbox.folder / "connectors.toml").write_text(CRM)

    kept = outbox("connectors", "apply", "--yes")
    pruned = outbox("connectors", "apply", "--prune", "--yes")

    assert "- erp: not in the file; apply created it; --prune removes it\n" in kept
    assert "  own: not in the file; made on the command line, stays as it is\n" in kept
    assert kept.endswith("no changes; --prune would remove 1 connector\n")
    assert "- erp: not in the file; will be removed\n" in pruned
    assert "0 to create, 0 to change, 1 to remove, 1 unchanged\napplied: 1 connector\n" in pruned
    names = sql.execute("SELECT name FROM outbox.connector WHERE removed_at IS NULL ORDER BY name").fetchall()
    assert names == [("crm",), ("own",)]


def test_export_then_apply_changes_nothing(outbox: Command, monkeypatch: pytest.MonkeyPatch, sql: Connection) -> None:
    """With the secrets where the export says, the file is what stands; without them, the stored ones are kept."""
    outbox("connectors", "apply", "--yes")
    outbox("connectors", "disable", "erp")
    before = versions(sql)
    exported = outbox.folder / "exported.toml"
    outbox("connectors", "export", "--output", str(exported))

    without = outbox("connectors", "apply", "--yes", "--file", str(exported))
    monkeypatch.setenv("OUTBOX_SECRET_CRM", "your_secret_key")
    monkeypatch.setenv("OUTBOX_SIGNING_SECRET_ERP", "signing-secret-number-one")
    monkeypatch.setenv("OUTBOX_SECRET_ERP_X_API_KEY", "hush-erp")
    with_secrets = outbox("connectors", "apply", "--yes", "--file", str(exported))

    assert with_secrets == "no changes\n"
    assert "secret: expected environment variable OUTBOX_SECRET_CRM, got none; the stored one is kept" in without
    assert without.endswith("no changes\n")
    assert versions(sql) == before
    assert outbox("connectors", "export") == exported.read_text()
    assert "hush" not in exported.read_text()
    assert "expected a new file" in outbox("connectors", "export", "--output", str(exported), code=2)


def test_a_new_connector_needs_its_secrets(outbox: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nowhere can't be kept; without a key none can be stored. All of it at once, by connector and key."""
    monkeypatch.delenv("CRM_SECRET")
    (outbox.folder / "signing").unlink()
    monkeypatch.setenv("OUTBOX_SECRET_KEYS", "")

    shown = outbox("connectors", "apply", "--yes", code=2)

    file = outbox.folder / "connectors.toml"
    assert f"{file}: connector 'crm': secret: expected environment variable CRM_SECRET, got none; set it" in shown
    assert f"{file}: connector 'erp': signing_secret: expected file {outbox.folder / 'signing'}, got none" in shown
    assert "connector 'erp': headers.X-Api-Key: expected a key in OUTBOX_SECRET_KEYS to encrypt secrets with" in shown


def test_an_operators_disable_outlives_apply_unless_the_file_says_otherwise(outbox: Command) -> None:
    """A deployment must not undo what somebody stopped at night: it is said; `enabled = true` undoes it."""
    outbox("connectors", "apply", "--yes")
    outbox("connectors", "disable", "crm", "--reason", "night work")

    assert "note: stays disabled (night work)" in outbox("connectors", "apply", "--yes")
    (outbox.folder / "connectors.toml").write_text(CRM + "enabled = true\n" + ERP)
    shown = outbox("connectors", "apply", "--yes")

    assert "    enabled: no -> yes\n" in shown
    assert "note: what waits for it will be sent" in shown
    assert '"state":"enabled"' in outbox("connectors", "show", "crm", "--json")


def test_every_fault_of_every_connector_is_told(outbox: Command, sql: Connection) -> None:
    """With file, connector and key; nothing is applied, not even the sound ones."""
    (outbox.folder / "connectors.toml").write_text(
        CRM
        + '[[connector]]\nname = "a"\nbusiness_units = ["Retail"]\ntriggers = ["send"]\nurl = "https://a.example/"\n'
        + '[[connector]]\nname = "b"\nbusiness_units = ["Provder BU"]\ntriggers = ["send"]\nurl = "https://b.example/"\n'
        + '[[connector]]\nname = "c"\nbusiness_unit = ["1"]\ntriggers = ["sent"]\nurl = "c.example"\nsecret = "hush"\n'
        + '[[connector]]\nname = "crm"\nbusiness_units = ["1"]\ntriggers = ["send"]\nurl = "https://d.example/"\n'
    )

    shown = outbox("connectors", "apply", "--yes", code=2)

    for words in (
        "connector 'a': business_units: expected one business unit, got 'Retail', a name that 2 have; use an id: 2, 3",
        "connector 'b': business_units: expected a business unit that the source has, got 'Provder BU'; did you mean",
        "connector 'c': business_unit: unknown key; did you mean 'business_units'?",
        "connector 'c': triggers.0: ",
        "connector 'c': url: ",
        'connector \'c\': secret: expected { env = "VARIABLE" } or { file = "path" }, got a value',
        "connectors.toml: expected each name once, got 'crm' again",
    ):
        assert words in shown
    assert "hush" not in shown
    assert versions(sql) == []


NO_FILES = (
    ("[connector]\nname = 'a'\n", "connector: expected tables [[connector]]"),
    ("[[conector]]\nname = 'a'\n", "conector: unknown key; did you mean 'connector'?"),
    ("name = \n", "expected TOML in UTF-8"),
    ("[[connector]]\nurl = 'https://a.example/'\n", "connector 1: name: expected a value, got none"),
)


def test_a_file_that_is_none_is_refused(outbox: Command) -> None:
    """Whatever is wrong around the connectors has its words too."""
    for content, words in NO_FILES:
        (outbox.folder / "connectors.toml").write_text(content)

        assert words in outbox("connectors", "diff", code=2)


def test_warnings_do_not_stop_apply(outbox: Command, sql: Connection) -> None:
    """A trigger that no rule captures, a field that no company has, a unit to come: said, and done."""
    sql.execute("INSERT INTO business_unit VALUES (98, 'New')")
    sql.execute("INSERT INTO company VALUES (9, 98, 'New', 'DE1', '{\"segment\": 1}')")
    (outbox.folder / "connectors.toml").write_text(
        CRM.replace('"send"]', '"review"]').replace('["Provider BU"]', '["98", "99"]')
        + 'company_fields = ["vat", "sgment"]\n'
    )

    assert "--allow-unknown" in outbox("connectors", "apply", "--yes", code=2)
    shown = outbox("connectors", "apply", "--yes", "--allow-unknown")

    assert "note: triggers: no rule of the source mapping captures 'review' yet" in shown
    assert "note: company_fields: no company of these business units has 'sgment', so it will be null" in shown
    assert outbox("connectors", "apply", "--yes").endswith("no changes\n")


def test_a_missing_file_is_said(outbox: Command) -> None:
    """With the path that was looked at."""
    (outbox.folder / "connectors.toml").unlink()

    assert f"{outbox.folder / 'connectors.toml'}: expected a file, got none" in outbox("connectors", "diff", code=2)


def test_the_shipped_file_is_sound_in_every_key() -> None:
    """config/connectors.toml reads as it stands, and with its optional keys taken out of their comments."""
    shipped = folder("config") / "connectors.toml"
    head, _, further = shipped.read_text().partition("# Further keys, all optional:\n")
    whole = tomllib.loads(head + "".join(line.removeprefix("# ") for line in further.splitlines(keepends=True)))

    written = read_connectors_file(shipped, read_variable=lambda _: "your_secret_key")
    [table] = whole["connector"]

    assert written.faults == ()
    assert (
        read_connector(table, label="x", folder=shipped.parent, read_variable=lambda _: "found").spec.name
        == "Provider reporting"
    )
    assert set(table) == set(ConnectorSpec.model_fields)
