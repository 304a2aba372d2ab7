"""`outbox init` on databases of different shapes: what it proposes passes `outbox plan`, and what it refuses."""

# ruff: noqa: S608 (an application writes its own SQL here)

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from outbox.install import load_mapping
from outbox.mapping import Mapping
from tests.command import Command, command
from tests.conftest import Database
from tests.contract_application import TABLES
from tests.sources import Captured, Source, all_text

SCHEMAS = Path(__file__).parents[1] / "schemas"
SAMPLE = Path(__file__).parents[2] / "outbox_demo" / "sample.sql"
BERLIN = ("--time-zone", "Europe/Berlin")


def shape(name: str) -> str:
    """The SQL of one of the foreign applications."""
    return (SCHEMAS / f"{name}.sql").read_text(encoding="utf-8")


@pytest.fixture
def outbox(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command on a database with our schema in it, and an empty folder of configuration."""
    return command(tmp_path, database.url, keys="", monkeypatch=monkeypatch, capsys=capsys)


@pytest.fixture
def bare(
    empty_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """The command on a database with nothing of ours in it."""
    return command(tmp_path, empty_database.url, keys="", monkeypatch=monkeypatch, capsys=capsys)


def fill(database: Database, *statements: str) -> None:
    """Runs what an application's team would."""
    with database.connect() as connection:
        for statement in statements:
            connection.execute(statement.encode())


def proposed(outbox: Command) -> Mapping:
    """What was written, read as `outbox plan` reads it."""
    return load_mapping(outbox.folder / "source.toml")


def rules(mapping: Mapping) -> set[tuple[str, str]]:
    """Trigger and table of each rule."""
    return {(rule.trigger.value, rule.table.rpartition(".")[2].strip('"')) for rule in mapping.capture}


@pytest.mark.parametrize(
    ("application", "words", "expected"),
    [
        (
            SAMPLE.read_text(encoding="utf-8"),
            (),
            {
                *(("create", "contract"), ("update", "contract"), ("update", "contract_item"), ("update", "recipient")),
                *(("update", "payment"), ("send", "contract_email"), ("review", "checkout_review")),
            },
        ),
        (TABLES, (), {("create", "contract"), ("update", "contract"), ("send", "contract_email")}),
        (
            shape("german"),
            BERLIN,
            {
                *(("create", "Verträge"), ("update", "Verträge"), ("update", "vertragsempfaenger")),
                *(("update", "vertragspositionen"), ("send", "versandprotokoll"), ("review", "prüfungen")),
            },
        ),
        (
            shape("logged"),
            (),
            {
                *(
                    ("create", "deal"),
                    ("update", "deal"),
                    ("update", "deal_status_log"),
                    ("update", "deal_participant"),
                ),
                ("send", "deal_mail"),
            },
        ),
        (
            shape("lookups"),
            (),
            {("create", "contracts"), ("update", "contracts"), ("update", "contract_lines"), ("send", "contracts")},
        ),
    ],
    ids=["sample", "contract_application", "german", "logged", "lookups"],
)
def test_the_proposal_passes_the_plan(
    outbox: Command, database: Database, application: str, words: tuple[str, ...], expected: set[tuple[str, str]]
) -> None:
    """Whatever the application's shape, the proposal is a mapping that the inspection lets pass as it stands."""
    fill(database, application)
    outbox("init", *words)
    assert rules(proposed(outbox)) == expected
    assert "CREATE OR REPLACE FUNCTION outbox.find_contracts" in outbox("plan")


def test_it_needs_nothing_of_ours(bare: Command, empty_database: Database) -> None:
    """It proposes before anything is migrated; the business unit is found behind two joins, and the plan passes."""
    fill(empty_database, shape("camel_case"))
    shown = bare("init")
    mapping = proposed(bare)
    assert 'JOIN public."Projects" p ON p."Id" = c."ProjectId"' in mapping.contract.query
    assert 'w."DivisionId" AS business_unit' in mapping.contract.query
    assert rules(mapping) == {
        *(("create", "Agreements"), ("update", "Agreements"), ("update", "AgreementRecipients")),
        *(("send", "RecipientEmails"), ("review", "AgreementReviews")),
    }
    assert 'A row of public."AgreementRecipients" that has "SignedAt" does not expire.' in shown
    assert 'Is a change in public."AgreementTags" one of its contract\'s?' in shown
    with empty_database.connect() as connection:
        assert connection.execute("SELECT to_regnamespace('outbox')").fetchone() == (None,)
    bare("migrate")
    bare("plan")


AGREEMENT = "10000000-0000-0000-0000-00000000000a"


def test_an_installed_proposal_captures_a_life(outbox: Command, database: Database) -> None:
    """Every trigger of the walk, with the unit's id, and nowhere a secret, though no person touched the mapping."""
    source = Source(database, shape("camel_case"))
    outbox("init")
    outbox("install", "--yes")
    source.run(
        'INSERT INTO "Agreements" ("Id", "ProjectId", "CustomerId", "Caption", "AccessToken") VALUES'
        f" ('{AGREEMENT}', '00000000-0000-0000-0000-0000000000b1', 1, 'Lease', 'planted')"
    )
    source.run(
        'INSERT INTO "AgreementRecipients" ("Id", "AgreementId", "FullName", "Email", "SignatureSecret", "ExpiresAt")'
        f" VALUES ('{AGREEMENT}', '{AGREEMENT}', 'Eve', 'eve@example.com', 'planted', now() - interval '1 day')"
    )
    source.run(f"""INSERT INTO "RecipientEmails" ("RecipientId", "ToAddress") VALUES ('{AGREEMENT}', 'eve@x')""")
    source.run('UPDATE "RecipientEmails" SET "SentAt" = now()')
    source.run(f"""UPDATE "Agreements" SET "Stage" = 'OutForSignature' WHERE "Id" = '{AGREEMENT}'""")
    source.run(f"""UPDATE "Agreements" SET "ModifiedAt" = now() WHERE "Id" = '{AGREEMENT}'""")
    source.run(f"""INSERT INTO "AgreementReviews" ("AgreementId", "Reviewer") VALUES ('{AGREEMENT}', 'Bob')""")
    assert source.errors() == []
    assert source.events() == [
        Captured("create", AGREEMENT),
        Captured("update", AGREEMENT),
        Captured("send", AGREEMENT, None, {"RecipientId": AGREEMENT, "ToAddress": "eve@x"}),
        Captured("update", AGREEMENT, {"Stage": ["Draft", "OutForSignature"]}),
        Captured("review", AGREEMENT, None, {"Reviewer": "Bob", "Outcome": None}),
    ]
    assert source.rows("SELECT DISTINCT business_unit FROM outbox.event") == [("1",)]
    assert source.document()["recipients"][0]["FullName"] == "Eve"
    with database.connect() as connection:
        assert "planted" not in all_text(connection)
    expired = proposed(outbox).expired
    assert expired is not None
    due = str(expired.query).replace(":now", "now()")
    assert [(str(row[0]), row[2]) for row in source.rows(due)] == [(AGREEMENT, AGREEMENT)]


def test_german_moments_and_json_are_read_as_meant(outbox: Command, database: Database) -> None:
    """Moments get the zone that was named, JSON in a text column is JSON, and a text that is none stays one."""
    source = Source(database, shape("german"))
    outbox("init", *BERLIN)
    outbox("install", "--yes")
    insert = 'INSERT INTO "Verträge" (vertragsnr, abschlussjahr, mandant, zusatzdaten, gueltig_bis, kennwort) VALUES'
    source.run(f"""{insert} ('V-100', 2026, 'DE', '{{"etage": 3}}', '2026-07-01 12:00', 'planted')""")
    document = source.document()
    assert document["zusatzdaten"] == {"etage": "3"}
    assert document["expires_at"] == "2026-07-01T10:00:00+00:00"
    source.run(f"{insert} ('V-101', 2026, 'DE', 'kein JSON', NULL, NULL)")
    assert source.document()["zusatzdaten"] == "kein JSON"
    source.run(
        "INSERT INTO versandprotokoll (vertragsnr, abschlussjahr, art, empfaenger)"
        " VALUES ('V-100', 2026, 'mahnung', 'a@x'), ('V-101', 2026, 'einladung', 'b@x')"
    )
    assert [(one.trigger, one.contract) for one in source.events()] == [
        *(("create", "V-100"), ("create", "V-101"), ("send", "V-101")),
    ]
    assert source.errors() == []
    with database.connect() as connection:
        assert "planted" not in all_text(connection)


def test_a_large_child_is_listed_once_it_has_an_index(outbox: Command, database: Database, tmp_path: Path) -> None:
    """What would read a large table at each commit is left out with its CREATE INDEX, and taken in when that is run."""
    fill(database, shape("logged"))
    shown = outbox("init")
    wanted = "CREATE INDEX CONCURRENTLY ON sales.deal_participant (deal_id);"
    assert wanted in shown
    assert wanted in (tmp_path / "source.toml").read_text()
    assert "'email', p.email" not in "".join(uncommented(proposed(outbox).contract.query))
    with psycopg.connect(database.dsn, autocommit=True) as connection:
        connection.execute(wanted.encode())
    outbox("init", str(tmp_path / "again"))
    second = load_mapping(tmp_path / "again" / "source.toml")
    assert "'email', p.email" in "".join(uncommented(second.contract.query))
    (tmp_path / "source.toml").write_bytes((tmp_path / "again" / "source.toml").read_bytes())
    outbox("plan")


def uncommented(sql: str) -> list[str]:
    """The lines that PostgreSQL reads."""
    return [line for line in sql.splitlines() if not line.lstrip().startswith("--")]


def test_it_says_what_it_could_not_know(outbox: Command, database: Database) -> None:
    """No business unit: all contracts are in one, and that is a question on the terminal and in the file."""
    fill(database, shape("logged"))
    shown = outbox("init")
    written = (outbox.folder / "source.toml").read_text()
    for text in (shown, written):
        assert "Which business unit does a contract belong to?" in text
        assert 'trigger = "review"' in text
    assert "'all' AS business_unit" in proposed(outbox).contract.query
    assert "not known" in shown


def test_a_business_unit_can_be_named(outbox: Command, database: Database) -> None:
    """A table that reads like none is one when a person says so."""
    fill(
        database,
        "CREATE TABLE guild (id integer PRIMARY KEY, name text)",
        "CREATE TABLE contract (id bigint PRIMARY KEY, status text, guild_id integer NOT NULL REFERENCES guild)",
    )
    outbox("init", "--business-unit-table", "guild")
    assert "c.guild_id AS business_unit" in proposed(outbox).contract.query
    outbox("plan")


def test_it_can_be_read_off_a_terminal(outbox: Command, database: Database) -> None:
    """Reasons are broken into lines, where a table is else as wide as its longest text; questions are plain."""
    fill(database, SAMPLE.read_text(encoding="utf-8"))
    table, _, asked = outbox("init").partition("\nWhat could not be known")
    (rule,) = [line for line in table.splitlines() if line.startswith("──")]
    assert len(rule.split()[-1]) == 100
    kinds = "Rows of kind invitation in public.contract_email count as sending, those of kind reminder don't: right?"
    assert kinds in asked


def test_nothing_is_overwritten(outbox: Command, database: Database, tmp_path: Path) -> None:
    """A folder that has a source.toml is refused as it stands; other files that are there are kept."""
    fill(database, TABLES)
    (tmp_path / "outbox.toml").write_text("[log]\nlevel = 'debug'\n")
    outbox("init")
    assert (tmp_path / "outbox.toml").read_text() == "[log]\nlevel = 'debug'\n"
    assert (tmp_path / "connectors.toml").exists()
    before = (tmp_path / "source.toml").read_bytes()
    assert "expected a folder without source.toml" in outbox("init", code=2)
    assert (tmp_path / "source.toml").read_bytes() == before


REFUSED: list[tuple[str, tuple[str, ...], int, tuple[str, ...]]] = [
    ("", (), 1, ("expected a contract application's tables, got none",)),
    (
        "CREATE TABLE users (id bigint PRIMARY KEY, name text, status text); CREATE TABLE seats (id bigint)",
        (),
        1,
        ("no table reads like one of contracts", "Nearest: public.", "--contract-table"),
    ),
    (TABLES, ("--contract-table", "contrakt"), 2, ("got 'contrakt'", "did you mean 'public.contract'?")),
    (TABLES, ("--schema", "elsewhere"), 1, ("got none",)),
    (TABLES, ("--time-zone", "Berlin"), 2, ("expected a zone's name",)),
]


@pytest.mark.parametrize(("application", "words", "code", "said"), REFUSED)
def test_it_refuses_in_words(
    *,
    bare: Command,
    empty_database: Database,
    application: str,
    words: tuple[str, ...],
    code: int,
    said: tuple[str, ...],
) -> None:
    """An empty database, none with contracts, a wrong name: said with what to do, and nothing is written."""
    if application:
        fill(empty_database, application)
    shown = bare("init", *words, code=code)
    assert [one for one in said if one not in shown] == []
    assert not (bare.folder / "source.toml").exists()


def test_a_table_that_reads_like_none_can_be_named(outbox: Command, database: Database) -> None:
    """What was refused passes with --contract-table, and still says what is missing."""
    fill(
        database, "CREATE TABLE paper (id uuid PRIMARY KEY, label text)", "INSERT INTO paper VALUES (gen_random_uuid())"
    )
    shown = outbox("init", "--contract-table", "paper")
    assert "What is a contract's status?" in shown
    outbox("plan")


def test_names_may_hold_anything(outbox: Command, database: Database) -> None:
    """Quotes, comment signs and backslashes in names come through TOML and SQL as they are."""
    fill(database, shape("hostile"))
    outbox("init")
    query = proposed(outbox).contract.query
    assert """'na''me', s."na'me\"""" in query
    assert """AS "back\\slash\"""" in query
    outbox("plan")


@pytest.fixture
def reader(empty_database: Database) -> Callable[[], str]:
    """Makes a role that may read what stands then, but for one table; gone with the database's objects."""

    def make() -> str:
        name = f"reader_of_{empty_database.name}"
        fill(
            empty_database,
            f"CREATE ROLE {name} LOGIN",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}",
            f"REVOKE SELECT ON company FROM {name}",
        )
        return name

    return make


def test_a_role_that_may_only_read_is_enough(
    bare: Command, empty_database: Database, reader: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes nothing to the database, and names what it could not look at."""
    fill(empty_database, TABLES)
    role = reader()
    monkeypatch.setenv("OUTBOX_DATABASE_URL", empty_database.url.replace("postgres@", f"{role}@"))
    before = snapshot(empty_database)
    shown = bare("init")
    assert "may not read it: public.company" in shown
    assert "company_id AS company" not in proposed(bare).contract.query
    assert snapshot(empty_database) == before
    fill(empty_database, f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def snapshot(database: Database) -> str:
    """Every object that is not PostgreSQL's own."""
    with database.connect() as connection:
        rows = connection.execute(
            "SELECT relname, relkind, relnatts FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
        ).fetchall()
    return json.dumps(rows, default=str)
