"""Checks of the scan for passed deadlines: that it runs, and what it reads."""

import json

from outbox.catalog import Catalog, SqlFaultError
from outbox.doctor.ground import LATE_SECONDS, Finding, Ground, ago
from outbox.expiry_store import state
from outbox.inspection_expiry import remedy, standing_cost, unknown_zones
from outbox.model import Json
from outbox.resources import query


def check_expiry(ground: Ground) -> list[Finding]:
    """Deadlines are looked for in time, by an index, and every zone is known."""
    source = ground.connection.execute(query("source_current")).one_or_none()
    if source is None:
        return [ground.ok("no mapping is installed: nothing is looked for")]
    mapping = json.loads(source.mapping)
    if mapping["installed"].get("expiring") is None and mapping.get("expired"):
        return [ground.fault("[expired] was installed by a version that didn't look for it", "`outbox install` again")]
    if mapping["installed"].get("expiring") is None:
        return [ground.ok("the mapping has no [expired]: nothing is looked for")]
    return [*_in_time(ground), *_plan(ground, mapping["installed"]), *_zones(ground, mapping)]


def _in_time(ground: Ground) -> list[Finding]:
    found = state(ground.connection)
    if found is None:
        return [ground.fault("its row in outbox.expiry_scan is gone: nothing is looked for", "`outbox install` again")]
    now, late = found.progress.at, found.late(every=ground.settings.expiry.scan_seconds)
    if found.ended_at is None:
        words = "deadlines were not looked for since install"
    else:
        took = f"{found.seconds or 0:.3f} s, raised {found.raised}"
        words = f"deadlines were last looked for {ago((now - found.ended_at).total_seconds())} ago (took {took})"
    if late <= LATE_SECONDS:
        return [ground.ok(words)]
    return [ground.late(late, words, "start `outbox run`, or read in its log why it does not look for them")]


def _plan(ground: Ground, installed: Json) -> list[Finding]:
    try:
        cost = standing_cost(Catalog(ground.connection), installed["expiring"], installed["search_path"])
    except SqlFaultError as error:
        if error.lack is not None:
            return [ground.ok("the scan runs with its owner's rights; this role may not see its plan")]
        return [ground.fault(f"the scan's query fails: {error}", "mend source.toml, `outbox install`")]
    if cost.slow:
        return [
            ground.warning(
                f"each scan reads all of {', '.join(cost.slow)}, without an index", remedy(installed["deadline_index"])
            )
        ]
    by = f"by {', '.join(cost.indexes)}" if cost.indexes else "over small tables"
    return [ground.ok(f"a scan reads {by}, cost {cost.cost:.2f}")]


def _zones(ground: Ground, mapping: Json) -> list[Finding]:
    try:
        path, units = mapping["installed"]["search_path"], mapping["business_unit"]["query"]
        unknown = unknown_zones(Catalog(ground.connection), units, path)
    except SqlFaultError as error:
        if error.lack is not None:
            return []
        return [ground.fault(f"the zones of business units can't be read: {error}", "mend source.toml")]
    return [
        ground.warning(f"business unit {unit}: its time_zone is none that PostgreSQL knows", "see pg_timezone_names")
        for unit in unknown
    ]
