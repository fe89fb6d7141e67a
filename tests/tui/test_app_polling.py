"""When readings are taken again; no database, a clock that the test sets."""

from __future__ import annotations

import asyncio

import pytest

from bossctl.errors import LockTimeout, MissingPrivilege, StatementTimeout, Unreachable
from bossctl.tui.polling import DEAR_SHARE, LONGEST_PAUSE, SHARE, Poll


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


class Source:
    """Answers with its `answer`, after moving the clock; an exception is raised."""

    def __init__(self, clock: Clock, answer: float | Exception, seconds: float = 0.0) -> None:
        self.clock, self.answer, self.seconds, self.asked = clock, answer, seconds, 0

    async def __call__(self) -> float:
        self.asked += 1
        self.clock.time += self.seconds
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def poll_of(source: Source, *, cheap: bool = True) -> Poll[float]:
    """A poll every two seconds whose value is its cost in milliseconds."""
    return Poll(source, interval=2.0, cost=lambda value: value, cheap=cheap, clock=source.clock)


async def test_a_cheap_reading_comes_again_after_the_interval() -> None:
    clock = Clock()
    poll = poll_of(Source(clock, 5.0))
    assert poll.due
    assert poll.asked_for
    assert await poll.take()
    assert (poll.value, poll.error, poll.age, poll.wait) == (5.0, None, 0.0, 2.0)
    assert not poll.due
    clock.time += 2.0
    assert poll.due
    assert not poll.asked_for, "time has passed, nobody asked"


async def test_a_dear_reading_takes_a_small_part_of_the_time() -> None:
    clock = Clock()
    poll = poll_of(Source(clock, 215.0), cheap=False)
    await poll.take()
    assert poll.wait == pytest.approx(DEAR_SHARE * 0.215)


async def test_the_first_of_a_cheap_reading_and_a_single_hiccup_do_not_count() -> None:
    clock = Clock()
    source = Source(clock, 900.0)
    poll = poll_of(source)
    await poll.take()
    assert poll.pause == 2.0, "the first is cold"
    source.answer = 10.0
    await poll.take()
    source.answer = 5000.0
    await poll.take()
    assert poll.pause == 2.0
    await poll.take()
    await poll.take()
    assert poll.pause == SHARE * 5.0, "dear again and again is dear"


async def test_a_failure_keeps_the_value_and_is_retried_with_a_growing_pause() -> None:
    clock = Clock()
    source = Source(clock, 1.0)
    poll = poll_of(source)
    await poll.take()
    source.answer = Unreachable("lost")
    waits = []
    for _ in range(8):
        clock.time += 100
        assert not await poll.take()
        waits.append(poll.wait)
    assert waits == [1, 2, 4, 8, 16, 30, 30, LONGEST_PAUSE]
    assert (poll.value, str(poll.error), poll.age) == (1.0, "lost", 800)
    source.answer = 2.0
    assert await poll.take()
    assert (poll.value, poll.error, poll.wait) == (2.0, None, 2.0)
    source.answer = MissingPrivilege("no")
    await poll.take()
    assert poll.wait == 1, "the pause begins anew"


async def test_a_statement_that_ran_into_its_limit_was_dear() -> None:
    clock = Clock()
    poll = poll_of(Source(clock, StatementTimeout("too long"), seconds=30.0), cheap=False)
    await poll.take()
    assert poll.wait == DEAR_SHARE * 30


async def test_waiting_for_a_lock_was_not() -> None:
    poll = poll_of(Source(Clock(), LockTimeout("another session holds it"), seconds=5.0), cheap=False)
    await poll.take()
    assert poll.wait == 1


async def test_never_two_at_once_and_hurry_during_one_makes_another() -> None:
    clock = Clock()
    gate = asyncio.Event()
    running = 0

    async def read() -> float:
        nonlocal running
        running += 1
        await gate.wait()
        return 1.0

    poll = Poll(read, interval=2.0, clock=clock)
    task = asyncio.ensure_future(poll.take())
    assert poll.busy, "from the call on, before its first step"
    assert not poll.due
    await asyncio.sleep(0)
    poll.hurry()
    assert not poll.due, "still under way"
    gate.set()
    await task
    assert poll.due
    assert running == 1


async def test_a_cancelled_reading_may_be_taken_again() -> None:
    async def read() -> float:
        await asyncio.sleep(60)
        return 1.0

    poll = Poll(read, interval=2.0)
    task = asyncio.ensure_future(poll.take())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert poll.due


async def test_a_bug_is_not_swallowed() -> None:
    poll = poll_of(Source(Clock(), ZeroDivisionError("a bug")))
    with pytest.raises(ZeroDivisionError):
        await poll.take()
    assert not poll.busy
