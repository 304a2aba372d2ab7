"""What is proposed so that an event like one that went to nobody is sent."""

import pytest

from outbox.insight.ways import Act, Reach, ways


def reach(name: str, units: str = "bu1", triggers: str = "update", *, discard: bool = False) -> Reach:
    """A connector of these units and triggers."""
    return Reach(1, name, units.split(), triggers.split(), enabled=not discard, discard=discard, owned=True)


def told(reason: str, unit: str | None, *reaches: Reach) -> list[tuple[Act, str | None]]:
    """The ways for an update, each with its connector."""
    return [(way.act, way.reach.connector if way.reach else None) for way in ways(reason, unit, "update", reaches)]


def test_a_unit_that_no_connector_covers_wants_one() -> None:
    """Others' connectors are no way."""
    assert told("no_connector", "bu1", reach("south", "bu2")) == [(Act.CREATE, None)]


def test_each_connector_of_the_unit_is_a_way_of_its_own() -> None:
    """What can be sent at once comes first, then what is to be enabled, then what lacks the trigger; `*` covers all."""
    found = told(
        "trigger_not_chosen",
        "bu1",
        reach("lacks", triggers="create"),
        reach("off", discard=True),
        reach("ready", "*"),
        reach("south", "bu2"),
    )
    assert found == [(Act.BACKFILL, "ready"), (Act.ENABLE, "off"), (Act.ADD_TRIGGER, "lacks")]


@pytest.mark.parametrize("reason", ["no_business_unit", "contract_gone", "erased", "coalesced", "unchanged"])
def test_no_connector_mends_what_is_not_a_connectors(reason: str) -> None:
    """A contract without a unit, or one that is gone, goes to nobody whatever connectors there are."""
    assert told(reason, None if reason == "no_business_unit" else "bu1", reach("ready")) == []
