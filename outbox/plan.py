"""What an install would do, and that as a script which psql runs. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from outbox.capture_facts import Installation, Statement
from outbox.capture_sql import literal

LOCK_TIMEOUT = "1s"
AS_OWNER = (
    "SELECT set_config('role', 'outbox_owner', true) FROM pg_namespace"
    " WHERE nspname = 'outbox' AND nspowner = to_regrole('outbox_owner');"
)
"""For the rest of the transaction the owner acts, where `migrate --roles` made it the owner of our schema."""

INSTALL_LOCK = 7_231_004


class State(StrEnum):
    """How an object that the mapping asks for stands."""

    STANDS = "stands"
    NEW = "new"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True)
class Live:
    """An object of ours as the database has it."""

    name: str
    kind: str
    table_oid: int | None
    table_name: str | None
    enabled: str | None
    digest: str
    drop_statement: str


@dataclass(frozen=True, slots=True)
class Installed:
    """The last install: digests of the DDL that was run, and of what then stood."""

    digest: str
    ddl: Mapping[str, str]
    live: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for and what stands."""

    installation: Installation
    states: Mapping[str, State]
    drops: tuple[Live, ...]
    recorded: bool

    @property
    def done(self) -> bool:
        """Whether there is nothing to do."""
        return self.recorded and not self.drops and all(state is State.STANDS for state in self.states.values())

    def pending(self) -> Iterator[Statement]:
        """The objects to make or make anew."""
        for one in self.installation.statements:
            if self.states[one.name] is not State.STANDS:
                yield one

    def statements(self) -> Iterator[str]:
        """Everything that install runs inside its transaction, in order."""
        if self.done:
            return
        yield from (one.drop_statement for one in self.drops if one.kind == "trigger")
        for made in self.pending():
            yield made.ddl
        # Functions go last: until now the trigger of a renamed table still called its old one.
        yield from (one.drop_statement for one in self.drops if one.kind != "trigger")
        yield from _records(self.installation)


def compare(installation: Installation, live: Mapping[str, Live], installed: Installed | None) -> Plan:
    """Holds what is asked for against what stands and what was last installed."""
    states = {}
    for one in installation.statements:
        if one.name not in live:
            states[one.name] = State.NEW
        elif (
            installed is not None
            and installed.ddl.get(one.name) == one.digest
            and installed.live.get(one.name) == live[one.name].digest
        ):
            states[one.name] = State.STANDS
        else:
            states[one.name] = State.DIFFERS
    wanted = set(states)
    drops = sorted((one for one in live.values() if one.name not in wanted), key=lambda one: one.kind != "trigger")
    return Plan(
        installation=installation,
        states=states,
        drops=tuple(drops),
        recorded=installed is not None and installed.digest == installation.digest,
    )


def _records(installation: Installation) -> Iterator[str]:
    """The rules, and the record by which drift is told."""
    rules = json.dumps([asdict(rule) for rule in installation.rules], ensure_ascii=False, indent=1)
    mapping = json.dumps(installation.recorded_mapping, ensure_ascii=False)
    ddl = json.dumps({one.name: one.digest for one in installation.statements}, ensure_ascii=False)
    yield "DELETE FROM outbox.rule;"
    yield (
        "INSERT INTO outbox.rule SELECT r.* FROM jsonb_populate_recordset(NULL::outbox.rule,\n"  # noqa: S608 (our own JSON, quoted)
        f"{literal(rules)}) AS r;"
    )
    yield "UPDATE outbox.source SET removed_at = clock_timestamp() WHERE removed_at IS NULL;"
    yield (
        "INSERT INTO outbox.source (installed_by, mapping, objects)\n"
        f"SELECT session_user, {literal(mapping)}, jsonb_build_object('digest', {literal(installation.digest)},\n"
        f"  'ddl', {literal(ddl)}::jsonb, 'live', jsonb_object_agg(o.name, o.digest))\n"
        "FROM outbox.installed_objects() AS o;"
    )
    yield _expiry(installation)
    yield "SELECT outbox.grant_installed();"


def _expiry(installation: Installation) -> str:
    """Where scans begin: deadlines that passed before the first install with [expired] raise nothing.

    After each install all are looked at anew, for another mapping may have others.
    """
    expired = installation.mapping.expired
    if expired is None:
        return "DELETE FROM outbox.expiry_scan;"
    since = "clock_timestamp()" if expired.since is None else f"timestamptz {literal(expired.since.isoformat())}"
    keep = "" if expired.since is None else ", since = excluded.since"
    return (
        f"INSERT INTO outbox.expiry_scan (since) VALUES ({since})\n"  # noqa: S608 (a moment, written by us)
        f"ON CONFLICT (single) DO UPDATE SET swept_at = NULL, worker = NULL, due_at = clock_timestamp(){keep};"
    )


def script(plan: Plan, remarks: Iterator[str]) -> str:
    """The whole plan as SQL: `remarks` as comments, then what install runs, in one transaction."""
    lines = [f"-- {line}".rstrip() for remark in remarks for line in remark.splitlines() or [""]]
    if plan.done:
        return "\n".join(lines) + "\n"
    body = "\n\n".join(plan.statements())
    frame = (
        f"BEGIN;\n{AS_OWNER}\nSET LOCAL lock_timeout = '{LOCK_TIMEOUT}';\nSELECT pg_advisory_xact_lock({INSTALL_LOCK});"
    )
    return "\n".join(lines) + f"\n\n{frame}\n\n{body}\n\nCOMMIT;\n"
