"""The house rules, executable: layers, purity, names, sizes, where SQL and the environment may be read."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from tests.source_tree import MODULES, PRODUCT, ROOT, STATEMENTS, nothing, strings, tree, where

LAYERS: dict[str, str] = {
    "words": "outbox outbox.errors outbox.model outbox.suggest outbox.duration",
    "decisions": """
        outbox.canonical outbox.moment outbox.retry outbox.request outbox.report outbox.routing outbox.settlement
        outbox.attempt_columns outbox.shares outbox.breaker
        outbox.connector outbox.connector_change outbox.connector_check outbox.connectors_export
        outbox.connector_form outbox.connector_asked outbox.connector_rows outbox.connector_merge
        outbox.mapping outbox.capture_facts outbox.capture_sql outbox.capture_rules outbox.capture outbox.plan
        outbox.sender.guard outbox.sender.answer
        outbox.questions.declaration outbox.questions.exhibit outbox.questions.reasons outbox.questions.told
        outbox.questions.versions
        outbox.proposal.words outbox.proposal.facts outbox.proposal.choice outbox.proposal.columns
        outbox.proposal.links outbox.proposal.status outbox.proposal.parties outbox.proposal.children
        outbox.proposal.expiry outbox.proposal.rules outbox.proposal.candidates outbox.proposal outbox.proposal.toml
        outbox.alerting
        outbox.capture_expiry outbox.deadlines outbox.lack outbox.explained
        outbox.access outbox.answers
        outbox.connector_words
        outbox.insight.ways
        outbox.stretches outbox.insight outbox.insight.histogram outbox.insight.grid outbox.insight.axis
        outbox.insight.chart outbox.insight.verdict
        outbox.cursor outbox.curl_command outbox.delivery_story outbox.shown_body""",
    "ground": """
        outbox.resources outbox.toml_file outbox.settings outbox.log outbox.db outbox.secret_box outbox.embedded
        outbox.clock
        outbox.section outbox.watching outbox.metrics outbox.kept
        outbox.passwords
        outbox.signals""",
    "sender": """
        outbox.sender.transport outbox.sender.exchange outbox.sender.failures outbox.sender.sockets
        outbox.sender.dialer outbox.sender.idle outbox.sender.guarded_transport outbox.sender.connection
        outbox.sender.requests_transport outbox.sender.curl_failures outbox.sender.curl_connection
        outbox.sender.curl_transport outbox.sender""",
    "effects": """
        outbox.migrations outbox.present outbox.store outbox.health outbox.worker outbox.wake outbox.source_names
        outbox.audit_names
        outbox.audit outbox.daily
        outbox.replay
        outbox.connectors outbox.connector_input outbox.connector_edits outbox.connector_rekey outbox.connectors_file
        outbox.catalog outbox.inspection_words outbox.inspection_contract outbox.inspection_rules outbox.inspection
        outbox.install outbox.drift outbox.mending outbox.growth
        outbox.questions.library outbox.questions.reading outbox.questions.source outbox.questions.values
        outbox.survey
        outbox.standing outbox.troubles outbox.alerts
        outbox.upkeep
        outbox.inspection_expiry outbox.expiry_store
        outbox.roles outbox.erasure
        outbox.access_records outbox.people outbox.api_tokens
        outbox.insight.form
        outbox.connector_acts outbox.insight.connectors outbox.insight.connector_page
        outbox.insight.connector_versions
        outbox.insight.limits outbox.insight.contracts outbox.insight.contract_search outbox.insight.not_sent
        outbox.insight.expiring
        outbox.figuring outbox.insight.figures outbox.insight.backlog
        outbox.people_edits outbox.insight.changes outbox.insight.system
        outbox.audit_views outbox.insight.delivery_keys outbox.insight.delivery_walk outbox.insight.deliveries
        outbox.insight.delivery outbox.cancel outbox.bulk
        outbox.insight.history""",
    "order": """
        outbox.send_pool outbox.capacity outbox.room outbox.router outbox.holds outbox.settling outbox.relay
        outbox.trial outbox.connector_preview outbox.backfill outbox.chores
        outbox.questions.differs outbox.questions.proof outbox.questions.why_not outbox.questions.would_have_sent
        outbox.questions
        outbox.insight.questions
        outbox.doctor.ground outbox.doctor.delivery outbox.doctor.service outbox.doctor.source outbox.doctor.rights
        outbox.doctor.files outbox.doctor.storage outbox.doctor.retention outbox.doctor
        outbox.alert_hook outbox.gauges outbox.monitor outbox.doctor.alerts
        outbox.expiry outbox.doctor.expiry""",
    "web": """
        outbox.web.errors outbox.web.site outbox.web.render outbox.web.visit outbox.web.headers
        outbox.web.cells outbox.web.download outbox.web.person_forms outbox.web.examination
        outbox.web.pages.users outbox.web.pages.tokens outbox.web.pages.system outbox.web.pages.changes
        outbox.web.pages.audit
        outbox.web.configuring outbox.web.configuring.sealing outbox.web.configuring.editing
        outbox.web.configuring.previewing outbox.web.configuring.sending outbox.web.configuring.showing
        outbox.web.configuring.saving outbox.web.pages.configurations outbox.web.pages.connector_form
        outbox.web.pages.sign_in outbox.web.pages.account outbox.web.pages
        outbox.web.api.caller outbox.web.api.problems outbox.web.api.me outbox.web.api
        outbox.web.app outbox.web
        outbox.web.delivery_filters outbox.web.pages.deliveries outbox.web.pages.delivery
        outbox.web.pages.connectors outbox.web.pages.connector_chart outbox.web.pages.connector
        outbox.web.pages.connector_acts outbox.web.pages.connector_versions outbox.web.pages.connector_trial
        outbox.web.pages.unit_choice outbox.web.pages.contracts outbox.web.pages.backfill outbox.web.pages.not_sent
        outbox.web.pages.expiry
        outbox.web.keeping outbox.web.readings outbox.web.board outbox.web.pages.dashboard
        outbox.web.serving

        outbox.web.api.exact outbox.web.api.failures outbox.web.api.bodies outbox.web.api.pages outbox.web.api.facts
        outbox.web.api.reference outbox.web.api.connector_bodies outbox.web.api.connector_changes
        outbox.web.api.connector_answers outbox.web.api.connectors outbox.web.api.connector_acts
        outbox.web.api.contracts outbox.web.api.events outbox.web.api.deliveries outbox.web.api.bulk
        outbox.web.api.not_sent outbox.web.api.expiry outbox.web.api.questions outbox.web.api.business_units
        outbox.web.api.health outbox.web.api.document outbox.web.pages.api
        outbox.web.bulk_words""",
    "daemon": "outbox.supervisor scheduler",
    "demo": """
        outbox_demo outbox_demo.books outbox_demo.figures outbox_demo.guardian outbox_demo.journal outbox_demo.ledgers
        outbox_demo.lives outbox_demo.processes outbox_demo.receivers outbox_demo.run outbox_demo.sample
        outbox_demo.simulator
        outbox_demo.transaction outbox_demo.view
        outbox_demo.pages""",
    "command": """
        outbox.cli.context outbox.cli.sentences outbox.cli.author
        outbox.cli.tables outbox.cli.filters outbox.cli.forms outbox.cli.connector_options
        outbox.cli.connectors_show outbox.cli.connectors_code outbox.cli.connectors_send outbox.cli.connectors_write
        outbox.cli.connectors outbox.cli.service outbox.cli.source outbox.cli.ask outbox.cli.replay outbox.cli.doctor
        outbox.cli.questions
        outbox.cli.demo outbox.cli.app outbox.cli outbox.__main__
        outbox.cli.init
        outbox.cli.alerts
        outbox.cli.expiry
        outbox.cli.erase outbox.cli.person_options outbox.cli.users outbox.cli.tokens
        outbox.cli.web""",
}
"""Every module, lowest layer first; a module imports from its own layer and those above it in this list."""

UPWARD = {("scheduler", "outbox.cli"): "`python scheduler.py` is `outbox run` and reads the same words"}
PURE = ("words", "decisions")
IMPURE = {
    *("time", "random", "secrets", "uuid", "os", "io", "pathlib", "tempfile", "shutil", "glob", "socket", "ssl"),
    *("select", "selectors", "subprocess", "threading", "logging"),
    *("sqlalchemy", "psycopg", "requests", "urllib3", "pycurl", "structlog", "apscheduler", "typer", "rich"),
}
CLOCKS = {"now", "utcnow", "today"}
SQL_START = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH|CREATE|ALTER|DROP|TRUNCATE|MERGE|GRANT|REVOKE|EXPLAIN|LOCK)\s+\S"
)
CALL = re.compile(r"SELECT (?:(?!\bFROM\b).)*", re.DOTALL)
"""A SELECT without FROM is the call of a function, not a query."""
SQL_IN_PYTHON = {
    "outbox.capture_": "composes DDL around the mapping's own SQL",
    "outbox.catalog": "describes and explains the mapping's own SQL",
    "outbox.inspection": "tries the mapping's own SQL, wrapped in counts and casts",
    "outbox.proposal": "writes a mapping, whose language is SQL",
    "outbox.survey": "reads values of tables that are known by their names alone",
    "outbox.plan": "writes the script of an installation, as a DBA reads it",
    "outbox.roles": "sets the role that acts",
    "outbox.migrations": "writes the script of `migrate --sql`",
    "outbox_demo": "an application, and a reader who knows nothing of outbox/, speak SQL of their own",
}
"""Modules, by how their names begin, that may hold SQL beside sql/, each with its reason."""


LAYER_OF = {module: layer for layer, modules in LAYERS.items() for module in modules.split()}


@cache
def imports(module: str) -> frozenset[str]:
    """Everything that a module imports, in functions too: our modules by their own name, others as written."""
    found: set[str] = set()
    for node in ast.walk(tree(MODULES[module])):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: expected absolute imports, got a relative one"
            full = {f"{node.module}.{one.name}" for one in node.names}
            ours = full & MODULES.keys()
            found |= ours | ({str(node.module)} if ours != full else set())
    return frozenset(found)


def ours(module: str) -> list[str]:
    """The product's modules among the imports."""
    return sorted(imports(module) & MODULES.keys() - {module})


def within(module: str, names: set[str]) -> list[str]:
    """The imports that are one of these packages or in it."""
    return sorted(one for one in imports(module) if one.split(".")[0] in names)


def test_every_module_has_a_layer() -> None:
    """A new module says where it stands before anything imports it; the list names none that is gone."""
    assert sorted(MODULES) == sorted(LAYER_OF)


def test_imports_run_downwards() -> None:
    """A module imports from its own layer and lower ones only, in functions too."""
    order = list(LAYERS)
    upward = [
        f"{module} imports {other}"
        for module in MODULES
        for other in ours(module)
        if order.index(LAYER_OF.get(other, "words")) > order.index(LAYER_OF.get(module, "command"))
        and (module, other) not in UPWARD
    ]
    nothing(upward)


def test_imports_have_no_cycle() -> None:
    """Within a layer imports run one way too."""
    open_modules = {module: {one for one in ours(module) if (module, one) not in UPWARD} for module in MODULES}
    while free := [module for module, needs in open_modules.items() if not needs & open_modules.keys()]:
        for module in free:
            del open_modules[module]
    assert open_modules == {}


@pytest.mark.parametrize("module", [module for module, layer in LAYER_OF.items() if layer in PURE])
def test_pure_modules_reach_nothing(module: str) -> None:
    """What decides gets time, dice and content as arguments: no clock, randomness, file, socket, database, log."""
    path = MODULES[module]
    reached = within(module, IMPURE)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and node.attr in CLOCKS:
            reached.append(f"{where(path, node)}: {node.attr}")
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"open", "print", "input"}:
            reached.append(f"{where(path, node)}: {ast.unparse(node)}")
    nothing(reached)


def test_only_settings_read_the_environment() -> None:
    """One place reads the environment; the demo's processes are programs of their own and get theirs from it."""
    readers = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(tree(path))
        if (isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in {"os.environ", "os.getenv", "environ"})
        and not module.startswith("outbox_demo")
    }
    assert readers == {"outbox.settings"}


def test_the_books_share_nothing_with_what_they_check() -> None:
    """The demo's comparison imports nothing of outbox/, directly or through another module."""
    seen, ahead = set[str](), {"outbox_demo.books"}
    while ahead:
        module = ahead.pop()
        seen.add(module)
        ahead |= set(ours(module)) - seen
    assert {module for module in seen if not module.startswith("outbox_demo")} == set()


def test_sql_stands_in_sql_files() -> None:
    """No statement is written in Python, but where a reason is listed here."""
    found = {
        f"{where(path, node)}: {str(node.value)[:60]!r}"
        for module, path in MODULES.items()
        if not module.startswith(tuple(SQL_IN_PYTHON))
        for node in strings(path)
        if SQL_START.match(str(node.value)) and not CALL.fullmatch(str(node.value))
    }
    nothing(sorted(found))


def test_every_query_is_used_and_stands() -> None:
    """sql/queries holds what some module asks for and nothing else."""
    files = {path.stem for path in (ROOT / "sql" / "queries").glob("*.sql")}
    words = {str(node.value) for path in PRODUCT for node in strings(path)}
    asked = {
        str(node.args[0].value)
        for path in PRODUCT
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).rpartition(".")[2] == "query"
        and node.args
        and isinstance(node.args[0], ast.Constant)
    }
    nothing(sorted(files - words))
    nothing(sorted(asked - files))


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.name)
def test_sql_files_begin_with_their_invariant(path: Path) -> None:
    """The first line is a comment; in queries no comment holds a bind by mistake, and no cast hides one."""
    text = path.read_text(encoding="utf-8")
    assert text.startswith("-- ")
    if path.parent.name in ("queries", "questions"):
        comments = re.findall(r"--[^\n]*", text)
        nothing([one for one in comments if re.search(r"(?<![:\w\\]):\w", one)])
        nothing(re.findall(r":\w+::", text))
