"""An answer that is kept: asked for by many, put by one, seldom, and never waited for without end."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from outbox.kept import LONG_SECONDS, Kept


class Question:
    """Counts how often it is put; waits until it may answer."""

    def __init__(self) -> None:
        self.put = 0
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self) -> int:
        """How often it was put."""
        self.put += 1
        assert self.may_answer.wait(30)
        return self.put


def test_an_answer_is_kept_for_its_time() -> None:
    """Whoever asks within it gets the same; with no time at all the question is put each time."""
    question = Question()
    kept, fresh = (Kept(question, seconds=seconds, patience=30) for seconds in (3600, 0))
    assert [kept.get(), kept.get(), fresh.get(), fresh.get()] == [1, 1, 2, 3]


def test_an_answer_is_kept_for_a_share_of_what_it_took() -> None:
    """A question that takes long is put seldom, however short its time."""
    question = Question()
    kept = Kept(question, seconds=0, share=1e9, patience=30)
    assert [kept.get(), kept.get()] == [1, 1]


def test_many_who_ask_at_once_put_it_once() -> None:
    """All wait for the one that asks."""
    question = Question()
    question.may_answer.clear()
    kept = Kept(question, seconds=3600, patience=30)
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(kept.get) for _ in range(8)]
        question.may_answer.set()
        assert {one.result(30) for one in asked} == {1}


def test_who_asks_is_patient_to_a_limit_and_nobody_asks_beside() -> None:
    """A question without answer is not put again, and its answer is taken when it comes."""
    question = Question()
    question.may_answer.clear()
    kept = Kept(question, seconds=3600, patience=0.01)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            kept.get()
    question.may_answer.set()
    assert _patient(kept).get() == 1
    assert question.put == 1


def _patient(kept: Kept[int]) -> Kept[int]:
    kept._patience = 30  # noqa: SLF001 (the same question, asked by somebody who has time)
    return kept


def test_a_failure_is_told_and_not_kept() -> None:
    """Whoever asks gets the exception; the next one asks anew."""
    failures = [RuntimeError("once")]

    def question() -> int:
        if failures:
            raise failures.pop()
        return 7

    kept = Kept(question, seconds=3600, patience=30)
    with pytest.raises(RuntimeError, match="once"):
        kept.get()
    assert kept.get() == 7


def test_nobody_waits_for_what_took_long_while_the_last_answer_is_young() -> None:
    """The question is put again, and the last answer given meanwhile; without grace, whoever asks waits."""
    question = Question()

    def slow() -> int:
        time.sleep(LONG_SECONDS * 1.5)
        return question()

    graced, strict = Kept(slow, seconds=0, patience=30, grace=60), Kept(slow, seconds=0, patience=1)
    assert [graced.get(), strict.get()] == [1, 2]
    question.may_answer.clear()
    assert graced.get() == 1
    with pytest.raises(TimeoutError):
        strict.get()
    question.may_answer.set()
