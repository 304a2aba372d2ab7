"""The roles of `migrate --roles`: what each may do, and everything that it may not."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import create_engine

from outbox.doctor import Level, examine
from outbox.drift import drift
from outbox.embedded import binaries
from outbox.errors import SchemaError
from outbox.install import install, plan, uninstall
from outbox.mapping import Mapping
from outbox.migrations import as_sql, migrate
from outbox.plan import script
from outbox.resources import folder
from outbox.roles import ROLES, granting
from outbox.settings import Settings
from tests.conftest import Database
from tests.factories import insert_connector, insert_delivery, insert_event, insert_queued
from tests.logins import MAPPING, MEMBERS, Logins, logins
from tests.postgres import Server
from tests.refused import FACTS, REFUSED, done_by


@pytest.fixture(scope="module")
def roled(server: Server, template: str) -> Iterator[Logins]:
    """A database of four logins with a mapping installed, a captured contract and a delivery of it that waits."""
    name = "roled"
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as dba:
        dba.execute(f'CREATE DATABASE {name} TEMPLATE "{template}" STRATEGY file_copy'.encode())
    with logins(server, name) as made:
        made.install()
        with made.connect("application") as application:
            application.execute("INSERT INTO public.contract VALUES (1, 'bu1', 'draft', 'a title')")
        with made.connect() as dba:
            connector = insert_connector(dba)
            event = insert_event(dba, "1", document={"title": "a title"})
            insert_delivery(dba, event, connector)
            insert_queued(dba, event, connector)
        yield made
    with psycopg.connect(str(server.url(database="postgres")), autocommit=True) as dba:
        dba.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def owner_of(database: Database) -> object:
    """Whose schema outbox is."""
    with database.connect() as connection:
        row = connection.execute(
            "SELECT CAST(CAST(nspowner AS regrole) AS text) FROM pg_namespace WHERE nspname = 'outbox'"
        )
        return row.fetchall()[0][0]


@pytest.mark.parametrize("login", REFUSED)
def test_what_a_role_must_not_do_is_refused(roled: Logins, login: str) -> None:
    """By the server, for want of the right, whatever marks the session sets."""
    assert done_by(roled, login) == []


def test_no_role_may_change_history(roled: Logins) -> None:
    """Asked of the catalogue, for every fact and every partition of one; nor may any of them become the owner."""
    with roled.connect() as dba:
        granted = dba.execute(
            "SELECT r.rolname, CAST(c.oid AS regclass), p.name FROM pg_roles r CROSS JOIN pg_class c"
            " CROSS JOIN unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS p (name)"
            " WHERE r.rolname = ANY (%s) AND c.relkind IN ('r', 'p') AND c.relnamespace = 'outbox'::regnamespace"
            " AND substring(c.relname FROM '^(.*?)(_default|_[0-9]+)?$') = ANY (%s)"
            " AND has_table_privilege(r.oid, c.oid, p.name)",
            ([*ROLES[1:], *(roled.user(login) for login in MEMBERS if login != "deployer")], list(FACTS)),
        ).fetchall()
        members = dba.execute(
            "SELECT m.rolname FROM pg_auth_members a JOIN pg_roles m ON m.oid = a.member"
            " WHERE a.roleid = to_regrole('outbox_owner')"
        ).fetchall()

    assert granted == []
    assert members == [(roled.user("deployer"),)]


def test_all_of_ours_belongs_to_the_owner(roled: Logins) -> None:
    """Tables, partitions, sequences, views, functions, types, schemas; what install generated too."""
    with roled.connect() as dba:
        others = dba.execute(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname IN ('outbox', 'outbox_audit') AND c.relowner <> to_regrole('outbox_owner')"
            " UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname IN ('outbox', 'outbox_audit') AND p.proowner <> to_regrole('outbox_owner')"
            " UNION ALL SELECT nspname FROM pg_namespace"
            " WHERE nspname IN ('outbox', 'outbox_audit') AND nspowner <> to_regrole('outbox_owner')"
        ).fetchall()

    assert others == []


def test_the_owner_sees_who_holds_up_upkeep(roled: Logins) -> None:
    """Upkeep runs with his rights, and tells an application's transaction that stays from one that has just begun."""
    with roled.connect("application") as application, roled.connect("deployer") as deployer, application.transaction():
        application.execute("SELECT 1")
        began = deployer.execute(
            "SELECT xact_start FROM pg_stat_activity WHERE pid = %s", [application.info.backend_pid]
        ).fetchall()
    assert began != [(None,)]


def test_every_object_has_stated_rights(roled: Logins) -> None:
    """Who adds a table, a sequence, a view or a function says in sql/roles/30_rights.sql who may use it."""
    listed = granting().rpartition("-- The owner's alone.")[2]
    with roled.connect() as dba:
        silent = dba.execute(
            "SELECT name FROM ("
            " SELECT c.relname::text AS name, c.relacl AS acl, c.relowner AS owner FROM pg_class c"
            " WHERE c.relnamespace = ANY (ARRAY['outbox', 'outbox_audit']::regnamespace[])"
            " AND c.relkind IN ('r', 'p', 'v', 'm', 'S') AND NOT c.relispartition"
            " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
            "                 AND d.deptype = 'i' AND c.relkind = 'S')"
            " UNION ALL SELECT p.proname, p.proacl, p.proowner FROM pg_proc p"
            " WHERE p.pronamespace = 'outbox'::regnamespace"
            " AND coalesce(obj_description(p.oid, 'pg_proc'), '') NOT LIKE 'Generated by outbox install%'"
            ") AS o WHERE NOT EXISTS (SELECT FROM aclexplode(o.acl) AS a WHERE a.grantee <> o.owner) ORDER BY name"
        ).fetchall()
    said = set(re.findall(r"\w+", listed))

    assert sorted({str(name) for (name,) in silent} - said) == []


def test_the_doctor_asks_the_relay_for_no_other_right(roled: Logins) -> None:
    """Run as the relay it finds no fault, in the rights or elsewhere: its list and sql/roles agree."""
    engine = create_engine(roled.url("worker"))
    found = examine(engine, Settings())
    engine.dispose()

    assert {one.name for one in found if one.level is Level.FAULT} <= {"workers"}  # no daemon runs here


def test_nothing_is_open_to_everybody(roled: Logins) -> None:
    """PUBLIC may execute no function of ours but what only forms its own words, which runs with the caller's rights."""
    with roled.connect() as dba:
        public = dba.execute(
            "SELECT p.pronamespace::regnamespace::text || '.' || p.proname, p.prosecdef FROM pg_proc p"
            " WHERE p.pronamespace = ANY (ARRAY['outbox', 'outbox_audit']::regnamespace[])"
            " AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a"
            "             WHERE a.grantee = 0) ORDER BY 1"
        ).fetchall()

    forming = ("decision_words", "may_have_arrived", "moment", "readable")
    assert public == [(f"outbox_audit.{name}", False) for name in forming]


THE_WEBS = ("web_", "api_token_", "access_record")
"""How the statements begin that ask for people, sessions, tokens and access records."""


@pytest.mark.parametrize("login", ["worker", "web", "eraser", "deployer"])
def test_each_statement_of_the_product_has_its_role(roled: Logins, login: str) -> None:
    """sql/queries are the relay's, but for what is named here: the server checks the rights of each as it plans it.

    What the dashboard keeps of its own is its own; it may do all that the relay may.
    """
    others = {
        "eraser": {"erase", "erasure_content"},
        "deployer": {"recapture", "rules_clear", "source_remove", "expiry_forget"},
    }
    apart = set().union(*others.values())
    if login == "worker":
        apart |= {path.stem for path in (folder("sql") / "queries").glob("*.sql") if path.stem.startswith(THE_WEBS)}
    lacking: list[str] = []
    with roled.connect(login) as session:
        for path in sorted((folder("sql") / "queries").glob("*.sql")):
            if path.stem not in others.get(login, set()) if login in others else path.stem in apart:
                continue
            try:
                with session.transaction(force_rollback=True):
                    session.execute(explained(path).encode())
            except psycopg.errors.InsufficientPrivilege as error:
                lacking.append(f"{path.stem}: {error}")

    assert lacking == []


def explained(path: Path) -> str:
    """The statement under EXPLAIN, its binds as parameters without values; a SET as it stands."""
    numbers: dict[str, int] = {}
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--")]
    statement = re.sub(
        r"(?<![:\w]):(\w+)", lambda bind: f"${numbers.setdefault(bind[1], len(numbers) + 1)}", "\n".join(lines)
    )
    return statement if statement.startswith("SET") else f"EXPLAIN (GENERIC_PLAN) {statement}"


def test_an_auditor_reads_every_view(roled: Logins) -> None:
    """The views read the tables with their owner's rights."""
    with roled.connect("auditor") as auditor:
        views = auditor.execute("SELECT viewname FROM pg_views WHERE schemaname = 'outbox_audit'").fetchall()
        for (view,) in views:
            auditor.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier("outbox_audit", str(view))))
        auditor.execute("SELECT * FROM outbox_audit.uncovered_contracts()")
        found = auditor.execute("SELECT contract_id, document ->> 'title' FROM outbox_audit.events").fetchall()

    assert ("1", "a title") in found


def test_the_application_needs_no_right_of_ours(roled: Logins) -> None:
    """Its statement was captured, with its document: capture runs with the owner's rights."""
    with roled.connect() as dba:
        captured = dba.execute(
            "SELECT e.trigger, e.document ->> 'title' FROM outbox.inbox i JOIN outbox.event e ON e.id = i.event_id"
        ).fetchall()

    assert captured == [("create", "a title")]


def test_the_relay_sees_drift_without_a_right_on_the_source(roled: Logins) -> None:
    """The daemon's login may read none of the application's tables, and still tells a mapping that broke."""
    engine = create_engine(roled.url("worker"))
    with engine.connect() as worker, roled.connect() as dba:
        well = drift(worker)
        dba.execute("REVOKE SELECT ON public.unit FROM outbox_owner")
        broken = drift(worker)
        dba.execute("GRANT SELECT ON public.unit TO outbox_owner")
    engine.dispose()

    assert well == []
    assert len(broken) == 1
    assert broken[0].words == "business_unit.query: outbox_owner lacks SELECT on table public.unit"
    assert "GRANT SELECT ON public.unit TO outbox_owner" in broken[0].mend


def test_the_printed_plan_is_for_a_member_too(database: Database) -> None:
    """What `outbox plan` prints acts as the owner, and grants the relay what it generates."""
    with logins(database.server, database.name) as made:
        engine = create_engine(made.url("deployer"))
        with engine.connect() as connection:
            printed = script(plan(connection, Mapping.model_validate(MAPPING)).plan, iter(()))
        engine.dispose()
        with made.connect("deployer") as deployer:
            deployer.execute(printed.encode())
        with made.connect("worker") as worker:
            assert worker.execute("SELECT business_unit FROM outbox.business_units()").fetchall() == [("bu1",)]
        with made.connect() as dba:
            owners = dba.execute(
                "SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc WHERE pronamespace = 'outbox'::regnamespace"
            ).fetchall()

    assert owners == [("outbox_owner",)]


def test_the_owner_installs_and_uninstalls_on_tables_that_it_does_not_own(database: Database) -> None:
    """SELECT and TRIGGER are enough; nothing of ours is left on the application's tables, and it writes on."""
    with logins(database.server, database.name) as made:
        made.install()
        engine = create_engine(made.url("deployer"))
        removed = uninstall(engine)
        engine.dispose()
        with made.connect("application") as application:
            application.execute("INSERT INTO public.contract VALUES (1, 'bu1', 'draft', 'a title')")
            left = application.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid = 'public.contract'::regclass"
            ).fetchall()

    assert len([one for one in removed if one.kind == "trigger"]) == 3
    assert left == []


def test_migrating_again_keeps_the_owner_and_takes_back_what_is_not_stated(database: Database) -> None:
    """A member of outbox_owner migrates, without the right to create schemas; a right of before is no right of now."""
    with logins(database.server, database.name) as made:
        with made.connect() as dba:
            dba.execute("GRANT UPDATE ON outbox.attempt TO outbox_relay")
            dba.execute("GRANT EXECUTE ON FUNCTION outbox.make_partition(bigint, bigint) TO outbox_auditor")
        engine = create_engine(made.url("deployer"))
        assert migrate(engine) == ()
        assert migrate(engine, with_roles=True) == ()
        engine.dispose()
        with made.connect() as dba:
            left = dba.execute(
                "SELECT has_table_privilege('outbox_relay', 'outbox.attempt', 'UPDATE'),"
                " has_function_privilege('outbox_auditor', 'outbox.make_partition(bigint, bigint)', 'EXECUTE')"
            ).fetchone()

    assert left == (False, False)


def test_another_database_of_the_cluster_stays_as_it_is(roled: Logins, database: Database) -> None:
    """Roles are the cluster's, but who owns a schema is each database's own matter; several may have them."""
    assert migrate(database.engine) == ()
    before = owner_of(database)
    migrate(database.engine, with_roles=True)

    assert (before, owner_of(database)) == ("postgres", "outbox_owner")
    with roled.connect("auditor") as auditor:
        auditor.execute("SELECT FROM outbox_audit.events")


def test_capture_that_stands_is_handed_over_only_where_its_new_owner_can_run_it(database: Database) -> None:
    """Capture triggers would fail from then on: nothing is changed, and the message says what to grant."""
    with database.connect(autocommit=True) as dba:
        dba.execute(
            "CREATE TABLE public.contract (id integer, unit text, status text, title text, expires_at timestamptz)"
        )
        dba.execute("CREATE TABLE public.unit (id text, name text)")
        dba.execute("CREATE TABLE public.company (id text, unit text, name text)")
    install(database.engine, Mapping.model_validate(MAPPING))

    with pytest.raises(
        SchemaError, match=r"outbox_owner lacks SELECT on table public.contract[^$]*GRANT SELECT on its tables"
    ):
        migrate(database.engine, with_roles=True)

    assert owner_of(database) == "postgres"
    with database.connect(autocommit=True) as dba:
        dba.execute("DO $$ BEGIN CREATE ROLE outbox_owner; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
        dba.execute("GRANT SELECT, TRIGGER ON public.contract, public.unit, public.company TO outbox_owner")
    migrate(database.engine, with_roles=True)
    with database.connect(autocommit=True) as dba:
        dba.execute("INSERT INTO public.contract VALUES (1, 'bu1', 'draft', 'a title')")
        assert dba.execute("SELECT document ->> 'title' FROM outbox.event").fetchall() == [("a title",)]
        assert dba.execute("SELECT FROM outbox.capture_error").fetchall() == []


def test_a_table_that_is_in_use_is_not_waited_for(database: Database) -> None:
    """The application would queue behind: all is undone, and the message says to try later."""
    with database.connect() as reader:
        reader.execute("SELECT FROM outbox.queue")
        with pytest.raises(SchemaError, match="nothing was changed, try in a quieter moment"):
            migrate(database.engine, with_roles=True)

    assert owner_of(database) == "postgres"


@pytest.fixture(params=[16, 18])
def fresh(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A cluster of its own, without our roles."""
    with Server(binaries(request.param)) as running:
        yield running


def test_a_login_that_may_create_roles_needs_no_superuser(fresh: Server) -> None:
    """CREATEROLE and CREATE on the database do; one without is told what a superuser must run, and then can."""
    with psycopg.connect(fresh.url(database="test"), autocommit=True) as dba:
        dba.execute("CREATE ROLE plain LOGIN; CREATE ROLE maker LOGIN CREATEROLE")
        dba.execute("CREATE DATABASE second")
        dba.execute("GRANT CREATE ON DATABASE test TO plain, maker")
        dba.execute("GRANT CREATE ON DATABASE second TO plain, maker")
    plain = create_engine(fresh.sqlalchemy_url("test").replace("postgres@", "plain@"))
    maker = create_engine(fresh.sqlalchemy_url("second").replace("postgres@", "maker@"))

    with pytest.raises(SchemaError) as refused:
        migrate(plain, with_roles=True)
    told = [line.strip() for line in str(refused.value).splitlines() if line.startswith("  ")]
    migrate(maker, with_roles=True)
    with psycopg.connect(fresh.url(database="test"), autocommit=True) as dba:
        with pytest.raises(SchemaError, match="GRANT outbox_owner TO plain"):
            migrate(plain, with_roles=True)
        dba.execute(told[-1].encode())
    migrate(plain, with_roles=True)
    plain.dispose()
    maker.dispose()

    assert told == [*(f"CREATE ROLE {role} NOLOGIN;" for role in ROLES), "GRANT outbox_owner TO plain;"]
    made = Logins(fresh, "test")
    made.prepare()
    made.install()
    assert [done_by(made, login) for login in REFUSED] == [[]] * len(REFUSED)


def test_the_printed_script_does_the_same(make_database: Callable[..., Database]) -> None:
    """`migrate --roles --sql`, run by psql's way of it: one script."""
    printed = make_database()
    with printed.connect(autocommit=True) as dba:
        dba.execute(as_sql(with_roles=True).encode())
        granted = dba.execute("SELECT has_table_privilege('outbox_relay', 'outbox.queue', 'DELETE')").fetchone()

    assert (owner_of(printed), granted) == ("outbox_owner", (True,))
    assert migrate(printed.engine) == ()
