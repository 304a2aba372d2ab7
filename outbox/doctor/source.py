"""Checks of capture: the mapping, what it missed, what it left out."""

import json
import shlex

from outbox.catalog import SqlFaultError
from outbox.doctor.ground import MOST, Finding, Ground, Level, at_least, counted
from outbox.drift import MEND_MAPPING, drift, standing
from outbox.resources import query

SAMPLE_SECONDS = 2


def check_source(ground: Ground) -> list[Finding]:
    """A mapping is installed."""
    row = ground.connection.execute(query("doctor_source")).one_or_none()
    if row is None:
        return [ground.fault("no source is installed: nothing is captured", "write source.toml, then `outbox install`")]
    since = f"since {row.installed_at:%Y-%m-%d %H:%M} UTC by {row.installed_by}"
    return [ground.ok(f"installed {since}, {counted(row.rules, 'capture rule')}")]


def check_capture(ground: Ground) -> list[Finding]:
    """Capture triggers, tables and the mapping's SQL are as they were installed."""
    if ground.connection.execute(query("doctor_source")).one_or_none() is None:
        return []
    found = [Finding(Level(one.level), ground.name, one.words, one.mend) for one in drift(ground.connection)]
    installed = standing(ground.connection)
    refused = installed.refused_to() if installed is not None and not found else []
    fits = "this role may not see whether the mapping fits" if refused else "the mapping fits the source"
    return found or [ground.ok(f"capture triggers stand as installed, and {fits}")]


def check_replication(ground: Ground) -> list[Finding]:
    """No writes pass by the capture triggers, as those of replication do."""
    row = ground.connection.execute(query("source_current")).one_or_none()
    if row is None:
        return []
    if json.loads(row.mapping).get("enable") == "always":
        return [ground.ok("capture triggers fire for replicated writes too")]
    always = 'write enable = "always" into source.toml, `outbox install`'
    found = []
    for one in ground.connection.execute(query("doctor_replication")):
        if one.kind == "setting":
            words = f"session_replication_role is replica for {one.name}: what it writes is not captured"
            found.append(ground.fault(words, f"{one.mend}; or {always}"))
        else:
            words = f"subscription {one.name} writes into this database: what it applies is not captured"
            found.append(ground.warning(words, f"if it writes tables of the mapping: {always}"))
    return found or [ground.ok("no replicated writes pass by the capture triggers")]


def check_lookups(ground: Ground) -> list[Finding]:
    """Tables may have grown since install: no lookup that a commit waits for reads a large one whole."""
    installed = standing(ground.connection)
    if installed is None:
        return []
    costs = installed.costs()
    found = [
        ground.warning(
            f"{one.what} reads all of {table}, which has more than 10,000 rows, at every commit that is captured",
            f"add an index on {table} for it (CREATE INDEX CONCURRENTLY), then ANALYZE {table};"
            " `outbox plan` shows what lookups cost",
        )
        for one in costs
        for table in one.slow
    ]
    return found or [ground.ok(f"{counted(len(costs), 'lookup')}, none reads a large table whole")]


def check_contracts(ground: Ground) -> list[Finding]:
    """A sample: the contract query gives each contract once, for of several rows the first would be reported."""
    installed = standing(ground.connection)
    if installed is None:
        return []
    contracts = list(ground.connection.execute(query("doctor_recent_contracts")).scalars())
    try:
        twice = installed.twice(contracts, seconds=SAMPLE_SECONDS) if contracts else []
    except SqlFaultError as error:  # what is broken `capture` tells
        return [ground.ok(f"not sampled: {error}")]
    found = [
        ground.fault(
            f"contract.query gives {count} rows for contract {key}: any one of them is reported",
            f"join with LIMIT 1, or aggregate what there is several of: {MEND_MAPPING}",
        )
        for key, count in twice
    ]
    one_row = f"each of the {counted(len(contracts), 'contract')} captured last has one row"
    return found or [ground.ok(one_row if contracts else "no contract was captured yet to try contract.query on")]


def check_business_units(ground: Ground) -> list[Finding]:
    """Connectors name business units that the source has."""
    if ground.connection.execute(query("doctor_source")).one_or_none() is None:
        return []
    rows = ground.connection.execute(query("doctor_business_units")).all()
    found = [
        ground.warning(
            f"{row.connector} names business unit {row.unit}, which the source no longer has",
            f"name another: `outbox connectors edit {shlex.quote(row.connector)} --business-unit ...`",
        )
        for row in rows
    ]
    return found or [ground.ok("every business unit that connectors name is there")]


def check_capture_errors(ground: Ground) -> list[Finding]:
    """Nothing waits for being captured after all."""
    rows = ground.connection.execute(query("doctor_capture_errors"), {"most": MOST}).all()
    mend = "mend the mapping, `outbox install`, then `outbox recapture`"
    found = [
        ground.fault(
            f"{at_least(row.waiting, 'change')} not captured by rule {row.rule!r}, latest: {row.message}", mend
        )
        for row in rows
    ]
    return found or [ground.ok("every change was captured")]


def check_filtered(ground: Ground) -> list[Finding]:
    """For information: what the contract query excludes."""
    count = ground.connection.execute(query("doctor_filtered")).scalar_one()
    left_out = f"{counted(count, 'change')} raised nothing, since the contract query excludes the contract"
    return [ground.ok(left_out if count else "the contract query has left out no change")]
