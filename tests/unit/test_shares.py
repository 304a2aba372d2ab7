"""How workers share limits and rates: the sum never exceeds them, whoever comes, goes or is late."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outbox.shares import Bucket, Standing, next_share, own_rate, part

WORKERS = ("a", "b", "c")


def standing(
    *, connector_id: int = 1, most: int = 8, rate: float | None = None, own: int = 0, others: int = 0
) -> Standing:
    """A connector as one worker finds it."""
    return Standing(connector_id, most, rate, own, others)


@pytest.mark.parametrize(
    ("connector_id", "most", "parts"),
    [
        (0, 9, (3, 3, 3)),
        (0, 8, (3, 3, 2)),
        (1, 8, (2, 3, 3)),
        (0, 1, (1, 0, 0)),
        (1, 1, (0, 1, 0)),
        (2, 1, (0, 0, 1)),
    ],
)
def test_a_limit_is_divided_evenly_and_what_is_left_over_rotates(
    connector_id: int, most: int, parts: tuple[int, ...]
) -> None:
    """With the connector's id, so that single slots of many connectors are spread over the workers."""
    whole = standing(connector_id=connector_id, most=most)

    assert tuple(part(whole, workers=WORKERS, worker=one) for one in WORKERS) == parts


@given(st.integers(1, 1000), st.integers(1, 10_000), st.sets(st.text(max_size=3), min_size=1, max_size=20))
def test_the_parts_are_the_whole(most: int, connector_id: int, workers: set[str]) -> None:
    """Nothing is given twice and nothing is left, in whatever order a worker knows the others."""
    whole = standing(connector_id=connector_id, most=most)
    parts = [part(whole, workers=list(workers), worker=one) for one in workers]

    assert sum(parts) == most
    assert max(parts) - min(parts) <= 1


@pytest.mark.parametrize(
    ("own", "others", "target", "busy", "expected"),
    [
        (0, 0, 8, 0, 8),
        (0, 6, 4, 0, 2),
        (0, 8, 4, 0, 0),
        (0, 11, 4, 0, 0),
        (3, 4, 4, 0, 4),
        (8, 0, 4, 0, 4),
        (8, 0, 4, 6, 6),
        (8, 0, 4, 9, 8),
        (4, 4, 4, 2, 4),
        (2, 12, 4, 0, 2),
    ],
)
def test_a_share_moves_towards_its_target(own: int, others: int, target: int, busy: int, expected: int) -> None:
    """Up as far as the others leave room, down as far as what is in flight lets it."""
    assert next_share(standing(own=own, others=others), target=target, busy=busy) == expected


@given(st.data())
def test_the_sum_of_the_shares_never_exceeds_the_limit(draws: st.DataObject) -> None:
    """Workers come, go, fill up and renew in any order; once they are quiet, two rounds give each its part."""
    most = draws.draw(st.integers(1, 12))
    shares: dict[str, int] = {}
    busy: dict[str, int] = {}

    def renew(worker: str) -> None:
        others = sum(slots for other, slots in shares.items() if other != worker)
        found = standing(most=most, own=shares[worker], others=others)
        target = part(found, workers=list(shares), worker=worker)
        shares[worker] = next_share(found, target=target, busy=busy[worker])

    for _ in range(draws.draw(st.integers(1, 40))):
        worker = draws.draw(st.sampled_from("abcd"))
        match draws.draw(st.sampled_from(["renew", "renew", "send", "answer", "leave"])):
            case "renew":
                shares.setdefault(worker, 0)
                busy.setdefault(worker, 0)
                renew(worker)
            case "send" if worker in shares:
                busy[worker] = draws.draw(st.integers(0, shares[worker]))
            case "answer" if worker in shares:
                busy[worker] = 0
            case _:
                shares.pop(worker, None)
                busy.pop(worker, None)
        assert sum(shares.values()) <= most
        assert all(busy[one] <= shares[one] for one in shares)

    busy = dict.fromkeys(shares, 0)
    for _ in range(2):
        for worker in list(shares):
            renew(worker)

    whole = standing(most=most)
    assert shares == {one: part(whole, workers=list(shares), worker=one) for one in shares}


@given(st.floats(0.01, 1000), st.lists(st.integers(0, 12), min_size=1, max_size=8))
def test_the_rates_of_all_shares_are_at_most_the_rate(rate: float, slots: list[int]) -> None:
    """A worker's rate is as large a part as its share of the limit."""
    whole = standing(most=max(1, sum(slots)), rate=rate)
    rates = [own_rate(whole, slots=one) for one in slots]

    assert math.fsum(one for one in rates if one is not None) <= rate * 1.000001
    assert own_rate(replace(whole, rate_per_second=None), slots=1) is None


def test_a_bucket_starts_empty_and_holds_a_second() -> None:
    """Ten a second: one after a tenth, ten after a second, and no more after an hour."""
    bucket = Bucket.empty(10.0, now=100.0)

    assert [bucket.whole(at) for at in (100.0, 100.11, 101.0, 3700.0)] == [0, 1, 10, 10]
    assert bucket.wait_seconds(100.0) == pytest.approx(0.1)
    assert bucket.less(4, now=101.0).whole(101.0) == 6


def test_a_slow_bucket_holds_one() -> None:
    """Once in ten seconds: one waits there at most; no rate at all waits for ever."""
    bucket = Bucket.empty(0.1, now=0.0)

    assert (bucket.whole(9.9), bucket.whole(10.1), bucket.whole(100.0)) == (0, 1, 1)
    assert Bucket.empty(0.0, now=0.0).wait_seconds(5.0) == math.inf
    assert bucket.wait_seconds(50.0) == 0.0


def test_another_rate_counts_from_now_on() -> None:
    """What was gained by the old one stays, up to a second of the new."""
    full = Bucket.empty(10.0, now=0.0).paced(4.0, now=1.0)

    assert (full.whole(1.0), full.less(4, now=1.0).whole(1.5)) == (4, 2)
    assert Bucket.empty(4.0, now=0.0).paced(100.0, now=0.5).whole(0.5) == 2


@given(
    st.floats(0.1, 200),
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=60),
)
def test_no_window_sees_more_than_its_rate_and_a_second(rate: float, steps: list[tuple[float, int, float]]) -> None:
    """Whatever is taken when, and however the worker's part of the rate changes."""
    now, sends = 0.0, list[tuple[float, int]]()
    bucket = Bucket.empty(rate, now=now)
    for pause, wish, part_of_rate in steps:
        now += pause
        bucket = bucket.paced(rate * part_of_rate, now=now)
        sent = min(wish, bucket.whole(now))
        bucket = bucket.less(sent, now=now)
        sends.append((now, sent))

    for first, (start, _) in enumerate(sends):
        for last in range(first, len(sends)):
            window = sum(sent for _, sent in sends[first : last + 1])
            assert window <= rate * (sends[last][0] - start) + max(1.0, rate) + 0.001
