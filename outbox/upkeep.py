"""Upkeep of the facts' partitions: adopts what a default caught, makes ranges ahead, drops old ones.

Each step is a function of the schema in a transaction of its own, which waits for a lock 100 ms at most: what is held
by others is left for the next time, and nobody queues behind.
"""

from typing import Any

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from outbox.db import first_line, has_to_wait
from outbox.log import get_log
from outbox.resources import query
from outbox.settings import Upkeep

STRAYS = 1000
"""Rows that one transaction takes from a default partition."""


def keep_up(engine: Engine, settings: Upkeep) -> None:
    """Does all that is due now; what somebody holds waits for the next time."""
    try:
        sweep(engine)
        adopt(engine)
        make_ahead(engine, ranges=settings.partitions_ahead)
        prune(engine, days=settings.retention_days)
    except DBAPIError as error:
        if not has_to_wait(error):
            raise
        get_log().info("upkeep_waits", error=first_line(error))


def sweep(engine: Engine) -> int:
    """Takes from the default partitions the late attempts of deliveries that were pruned; how many there were."""
    swept = 0
    while batch := _step(engine, "upkeep_sweep", most=STRAYS):
        swept += batch
    if swept:
        get_log().warning("strays_swept", attempts=swept)
    return swept


def adopt(engine: Engine) -> bool:
    """Makes default partitions that hold rows those rows' own; whether there were any."""
    with engine.begin() as connection:
        gap = connection.execute(query("upkeep_adopt_begin")).one()
    if not gap.gaps:
        return False
    if gap.gaps > 1:
        get_log().error("default_partition_spans_ranges", gaps=gap.gaps, mend="docs/upgrade.md, Partitions")
        return False
    # Where one of these has to wait, what was said stands, and the next time goes on from there.
    _step(engine, "upkeep_adopt_validate")
    _step(engine, "upkeep_adopt_finish", range_start=gap.range_start, range_end=gap.range_end)
    get_log().warning("default_partition_adopted", range_start=gap.range_start, range_end=gap.range_end)
    return True


def make_ahead(engine: Engine, *, ranges: int) -> list[int]:
    """Makes every range that is missing ahead of the newest event; where they begin."""
    made = []
    while (range_start := _step(engine, "upkeep_make_ahead", ahead=ranges)) is not None:
        get_log().info("range_made", range_start=range_start)
        made.append(range_start)
    return made


def prune(engine: Engine, *, days: int) -> list[int]:
    """Drops the ranges in which nothing is open or younger than so many days, 0: none; where they began."""
    if not days:
        return []
    with engine.begin() as connection:
        prunable = connection.execute(query("upkeep_prunable"), {"days": days}).scalars().all()
    pruned = []
    for range_start in prunable:
        if _step(engine, "upkeep_prune", range_start=range_start, days=days):
            get_log().warning("range_pruned", range_start=range_start, retention_days=days)
            pruned.append(range_start)
    return pruned


def _step(engine: Engine, name: str, **values: int) -> Any:  # noqa: ANN401 (what the function gives)
    with engine.begin() as connection:
        return connection.execute(query(name), values).scalar_one()
