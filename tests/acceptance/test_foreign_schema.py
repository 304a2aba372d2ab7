"""A contract application that nobody here designed: captured as it is, and free to migrate as it likes."""

# ruff: noqa: S608 (an application writes its own SQL here)

from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Database
from tests.program import Program, program
from tests.sources import Captured, Source

APPLICATION = """
CREATE SCHEMA "Agreements";
CREATE TYPE "Agreements"."Stage" AS ENUM ('Draft', 'OutForSignature', 'Signed');
CREATE TABLE "Agreements"."Division" ("Id" smallint PRIMARY KEY, "DisplayName" varchar(80) NOT NULL);
CREATE TABLE "Agreements"."Workspace" (
  "Id" uuid PRIMARY KEY,
  "DivisionId" smallint REFERENCES "Agreements"."Division"
);
CREATE TABLE "Agreements"."Party" (
  "Id" bigint PRIMARY KEY,
  "Legal Name" text,
  "Attributes" json,
  "DivisionId" smallint
);
CREATE TABLE "Agreements"."Agreement" (
  "Id" uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  "WorkspaceId" uuid NOT NULL REFERENCES "Agreements"."Workspace",
  "Caption" text NOT NULL,
  "Terms" json NOT NULL DEFAULT '{}',
  "Value" numeric(30,10),
  "ModifiedAt" timestamp NOT NULL DEFAULT now(),
  "Legacy" text
);
CREATE TABLE "Agreements"."AgreementParty" (
  "AgreementId" uuid REFERENCES "Agreements"."Agreement" ON DELETE CASCADE,
  "PartyId" bigint REFERENCES "Agreements"."Party",
  "RespondBy" timestamp,
  PRIMARY KEY ("AgreementId", "PartyId")
);
CREATE TABLE "Agreements"."StageHistory" (
  "Id" bigserial PRIMARY KEY,
  "AgreementId" uuid REFERENCES "Agreements"."Agreement" ON DELETE CASCADE,
  "Stage" "Agreements"."Stage" NOT NULL,
  "At" timestamp NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX ON "Agreements"."StageHistory" ("AgreementId", "At");
CREATE TABLE "Agreements"."Outgoing" ("Id" bigserial PRIMARY KEY, "Payload" jsonb NOT NULL);
CREATE TABLE "Agreements"."Activity" ("AgreementId" text, "Kind" text, "Who" text);
INSERT INTO "Agreements"."Division" VALUES (1, 'Provider BU'), (2, 'Other');
INSERT INTO "Agreements"."Workspace" VALUES ('00000000-0000-0000-0000-0000000000aa', 1);
INSERT INTO "Agreements"."Party" VALUES (9007199254740993, 'Müller & Co', '{"vat": "DE1", "rate": 1.50}', 1);
"""

SOURCE = """
[contract]
query = '''
  SELECT a."Id" AS contract_id, w."DivisionId" AS business_unit,
         (SELECT h."Stage" FROM "Agreements"."StageHistory" h
          WHERE h."AgreementId" = a."Id" ORDER BY h."At" DESC LIMIT 1) AS status,
         (SELECT array_agg(p."PartyId") FROM "Agreements"."AgreementParty" p WHERE p."AgreementId" = a."Id") AS company,
         (SELECT min(p."RespondBy") FROM "Agreements"."AgreementParty" p
          WHERE p."AgreementId" = a."Id") AT TIME ZONE 'Europe/Berlin' AS expires_at,
         a."Caption", a."Value", a."Terms"
  FROM "Agreements"."Agreement" a
  JOIN "Agreements"."Workspace" w ON w."Id" = a."WorkspaceId"
'''

[business_unit]
query = 'SELECT "Id" AS business_unit, "DisplayName" AS name FROM "Agreements"."Division"'

[company]
query = '''
  SELECT "Id" AS company, "DivisionId" AS business_unit, "Legal Name" AS name, "Attributes" AS extra
  FROM "Agreements"."Party"
'''

[[capture]]
trigger = "create"
table = '"Agreements"."Agreement"'
on = "insert"
contract = 'new."Id"'

[[capture]]
trigger = "update"
table = '"Agreements"."Agreement"'
on = "update"
contract = 'new."Id"'
ignore = ["ModifiedAt"]

[[capture]]
name = "stage moves"
trigger = "update"
table = '"Agreements"."StageHistory"'
on = "insert"
contract = 'new."AgreementId"'
when = '''new."Stage" <> 'Draft' '''
detail = '''jsonb_build_object('stage', new."Stage")'''

[[capture]]
name = "mail"
trigger = "send"
table = '"Agreements"."Outgoing"'
on = "insert"
contract = '''SELECT (x #>> '{}')::uuid FROM jsonb_path_query(new."Payload", '$.agreements[*]') AS x'''
when = '''new."Payload" ->> 'template' LIKE 'sign-%' '''

[[capture]]
name = "looked at"
trigger = "review"
table = '"Agreements"."Activity"'
on = "insert"
contract = 'new."AgreementId"'
when = '''new."Kind" = 'checkout-review' '''
detail = '''jsonb_build_object('by', new."Who")'''

[expired]
open = "status = 'OutForSignature'"
"""

ONE, TWO = "10000000-0000-0000-0000-00000000000a", "20000000-0000-0000-0000-00000000000b"
WORKSPACE = "00000000-0000-0000-0000-0000000000aa"


@pytest.fixture
def source(database: Database) -> Source:
    """The foreign application's database."""
    return Source(database, APPLICATION)


@pytest.fixture
def outbox(source: Source, tmp_path: Path) -> Program:
    """The command with the mapping written for it, installed."""
    (tmp_path / "source.toml").write_text(SOURCE)
    command = program(tmp_path, source.database.url)
    command("install", "--yes")
    return command


def live(source: Source) -> None:
    """Two agreements' lives, as the foreign application writes them."""
    agreement = 'INSERT INTO "Agreements"."Agreement" ("Id", "WorkspaceId", "Caption", "Value") VALUES'
    source.run(
        f"{agreement} ('{ONE}', '{WORKSPACE}', 'Lease', 12345678901234567890.0123456789)",
        f'INSERT INTO "Agreements"."StageHistory" ("AgreementId", "Stage") VALUES (\'{ONE}\', \'Draft\')',
        f"INSERT INTO \"Agreements\".\"AgreementParty\" VALUES ('{ONE}', 9007199254740993, '2026-07-01 12:00')",
    )
    source.run(f"{agreement} ('{TWO}', '{WORKSPACE}', 'Rollback', 1)", "ROLLBACK")
    source.run(f"{agreement} ('{TWO}', '{WORKSPACE}', 'Second', 1)")
    source.run('UPDATE "Agreements"."Agreement" SET "ModifiedAt" = now()')
    source.run(
        f"""UPDATE "Agreements"."Agreement" SET "Terms" = '{{"days": 1.50}}', "Legacy" = 'x' WHERE "Id" = '{ONE}'"""
    )
    source.run(
        f"""INSERT INTO "Agreements"."Outgoing" ("Payload") VALUES
            ('{{"template": "sign-now", "agreements": ["{ONE}", "{TWO.upper()}"]}}'), ('{{"template": "news"}}')"""
    )
    source.run(
        f'INSERT INTO "Agreements"."StageHistory" ("AgreementId", "Stage") VALUES (\'{ONE}\', \'OutForSignature\')'
    )
    source.run(
        'INSERT INTO "Agreements"."Activity" VALUES'
        f" ('{ONE.upper()}', 'checkout-review', 'Eve'), ('{ONE}', 'open', 'Eve')"
    )
    source.run(f'DELETE FROM "Agreements"."Agreement" WHERE "Id" = \'{TWO}\'')


LIFE = [
    Captured("create", ONE),
    Captured("create", TWO),
    Captured("update", ONE, {"Terms": [{}, {"days": 1.5}], "Legacy": None}),
    Captured("send", ONE),
    Captured("send", TWO),
    Captured("update", ONE, None, {"stage": "OutForSignature"}),
    Captured("review", ONE, None, {"by": "Eve"}),
]


def test_its_life_raises_exactly_the_expected_events(source: Source, outbox: Program) -> None:
    """Every trigger once, in order, with whole documents; rollbacks, ignored columns and other mail raise nothing."""
    live(source)
    assert source.events() == LIFE
    assert source.errors() == []
    document = source.document()
    assert document["contract_id"] == ONE
    assert document["company"] == ["9007199254740993"]
    assert document["status"] == "OutForSignature"
    assert document["expires_at"] == "2026-07-01T10:00:00+00:00"
    assert document["Value"] == "12345678901234567890.0123456789"
    assert document["Terms"] == {"days": "1.50"}
    assert source.rows("SELECT DISTINCT business_unit FROM outbox.event") == [("1",)]
    assert source.rows("SELECT id, name, fields::text FROM outbox.read_company('{9007199254740993}')") == [
        ("9007199254740993", "Müller & Co", '{"vat": "DE1", "rate": 1.50}')
    ]
    assert "fault" not in [line.split()[0] for line in outbox("doctor", code=1).splitlines() if "capture" in line]


MIGRATIONS = [
    (
        'ALTER TABLE "Agreements"."Agreement" ADD "Slug" text',
        'UPDATE "Agreements"."Agreement" SET "Slug" = lower("Caption")',
        'ALTER TABLE "Agreements"."Agreement" ALTER "Slug" SET NOT NULL',
        'ALTER TABLE "Agreements"."Agreement" ADD UNIQUE ("Slug")',
    ),
    (
        """UPDATE "Agreements"."Agreement" SET "Value" = 2""",
        'ALTER TABLE "Agreements"."Agreement" ALTER "Value" TYPE text USING "Value"::text, ALTER "Terms" TYPE jsonb',
        'ALTER TABLE "Agreements"."Agreement" DROP "Legacy"',
    ),
    (
        """UPDATE "Agreements"."Activity" SET "Who" = 'x'""",
        'ALTER TABLE "Agreements"."Activity" RENAME "Kind" TO "Type"',
    ),
    ('ALTER TABLE "Agreements"."Outgoing" DROP "Payload"', 'ALTER TABLE "Agreements"."Outgoing" ADD "Body" jsonb'),
    ('ALTER TABLE "Agreements"."StageHistory" RENAME TO "Stages"',),
]


def test_its_own_migrations_succeed_and_what_they_break_is_named(source: Source, outbox: Program) -> None:
    """Backfill and alter, retype, rename, drop: all pass in one session; then the doctor names each broken rule."""
    live(source)
    source.clear()
    with closing(source.database.connect()) as session:
        for migration in MIGRATIONS:
            for statement in migration:
                session.execute(statement.encode())
            session.commit()
        session.execute(f"INSERT INTO \"Agreements\".\"Activity\" VALUES ('{ONE}', 'checkout-review', 'Bob')".encode())
        body = f'{{"agreements": ["{ONE}"]}}'
        session.execute(f'INSERT INTO "Agreements"."Outgoing" ("Body") VALUES (\'{body}\')'.encode())
        session.commit()
    assert [one.changed for one in source.events()] == [
        {"Slug": None},
        {"Value": [pytest.approx(12345678901234567890.0123456789), 2.0]},
    ]
    doctor = outbox("doctor", code=1)
    for words in ("'looked at'", "'mail'", "'stage moves'", "contract.query", "Slug"):
        assert words in doctor, words
    recorded = {rule for rule, *_ in source.errors()}
    assert {"looked at", "mail"} <= recorded

    mended = (
        SOURCE.replace("StageHistory", "Stages").replace('new."Kind"', 'new."Type"').replace('"Payload"', '"Body"')
    ).replace("""when = \'\'\'new."Body" ->> 'template' LIKE 'sign-%' \'\'\'""", "")
    (outbox.folder / "source.toml").write_text(mended)
    outbox("install", "--yes")
    outbox("recapture", "--yes")
    events = source.events()
    assert Captured("review", ONE, None, {"by": "Bob"}) in events
    assert Captured("send", ONE) in events
    assert source.rows("SELECT id FROM outbox.capture_error WHERE recaptured_at IS NULL") == []


def test_the_plan_is_a_script_that_psql_runs(source: Source, tmp_path: Path) -> None:
    """`outbox plan > plan.sql` run by a DBA is the same as install: afterwards there is nothing to do."""
    (tmp_path / "source.toml").write_text(SOURCE)
    command = program(tmp_path, source.database.url)
    script = command("plan")
    with closing(source.database.connect(autocommit=True)) as connection:
        connection.execute(script.encode())
    assert "nothing to do" in command("install")
    live(source)
    assert source.events() == LIFE
    assert "removed trigger 00_outbox_note_insert on Agreements.Agreement" in command("uninstall", "--yes")
    assert source.rows("SELECT count(*) FROM outbox.installed_objects()") == [(0,)]
