"""The judge of STK11 on readings made by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bossctl.doctor import explain
from bossctl.doctor.check import Readings
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, Finding, Severity
from bossctl.models.readings import Ground
from bossctl.models.readings_keys import Colliding, Head, Hiding, Starvation, Starved

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = Target("localhost", 5432, "app", "reader", "pgboss", "--dsn")


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def judged(found: Starvation, generation: str = "11-12") -> tuple[Finding, ...]:
    return explain("STK11").findings(Readings(Ground(NOW, generation), {Starvation: found}), TARGET)


def starved(hiding: Hiding, since: float, *, taken: float | None = None, listed: float | None = None) -> Starved:
    head = Head("h1", "a", ago(since), "h0", "active", ago(since)) if hiding is Hiding.HEAD else None
    return Starved(
        queue="sync",
        policy="singleton",
        hiding=hiding,
        jobs=3,
        keys=2,
        oldest_due=ago(since + 60),
        since=ago(since),
        samples=("a", "b", "c"),
        head=head,
        monitor_on=None if listed is None else ago(listed),
        last_started=None if taken is None else ago(taken),
    )


def starvation(*found: Starved, number: int | None = 36, grace: float = 120) -> Starvation:
    return Starvation(number, found, (), grace)


@pytest.mark.parametrize(
    ("hiding", "generation", "grace", "patience"),
    [
        (Hiding.HEAD, "10", 240, 240),
        (Hiding.HEAD, "11-12", 120, 180),
        (Hiding.STALE, "11-12", 120, 180),
        (Hiding.CLOSED, "11-12", 120, 180),
        (Hiding.KEYLESS, "11-12", 120, 300),
        (Hiding.KEYLESS, "11-12", 600, 660),
    ],
)
def test_a_key_may_be_held_for_a_while(hiding: Hiding, generation: str, grace: float, patience: float) -> None:
    assert judged(starvation(starved(hiding, patience - 1), grace=grace), generation) == ()
    assert len(judged(starvation(starved(hiding, patience + 1), grace=grace), generation)) == 1


@pytest.mark.parametrize(
    ("hiding", "number", "taken", "sure"),
    [
        (Hiding.HEAD, 24, None, Certainty.PROVEN),
        (Hiding.HEAD, 36, 1200, Certainty.PROVEN),
        (Hiding.HEAD, 36, 60, Certainty.LIKELY),
        (Hiding.HEAD, 44, None, Certainty.POSSIBLE),
        (Hiding.STALE, 45, None, Certainty.POSSIBLE),
        (Hiding.STALE, 43, None, Certainty.PROVEN),
        (Hiding.KEYLESS, 30, None, Certainty.LIKELY),
    ],
)
def test_how_sure_a_starved_key_is(hiding: Hiding, number: int, taken: float | None, sure: Certainty) -> None:
    [found] = judged(starvation(starved(hiding, 900, taken=taken), number=number))
    assert (found.severity, found.certainty) == (Severity.WARNING, sure)


def test_what_hides_the_others_is_told_with_its_numbers() -> None:
    [head] = judged(starvation(starved(Hiding.HEAD, 900, listed=7200)))
    assert head.message == (
        "3 due jobs of the singleton queue sync with 2 free keys are not fetched: job h1 is first in line, its key"
        ' "a" is held by active job h0, and every fetch fails on it; the list of active keys is 2h old; so since'
        " 15m ago (2026-03-01 11:45:00Z)"
    )
    assert head.remedy.command == "bossctl job defer 'queue:sync key:a is:due' --by 15m"
    assert head.evidence[0]["holder"] == "h0"
    subjects = [one.subject for one in judged(starvation(*(starved(hiding, 900) for hiding in Hiding)))]
    assert len(set(subjects)) == 4


def test_only_11_and_newer_list_active_keys() -> None:
    one = starvation(starved(Hiding.HEAD, 900))
    [new], [old] = judged(one), judged(one, "10")
    assert "never listed" in new.message
    assert "never listed" not in old.message
    assert "supervision" in new.remedy.text
    assert "supervision" not in old.remedy.text


def test_two_jobs_of_one_key_first_in_line() -> None:
    pair = Colliding("sync", "stately", "a", ago(700), ("x", "y"), ago(900))

    def told(pair: Colliding, number: int = 23) -> tuple[Finding, ...]:
        return judged(Starvation(number, (), (pair,), 240), "10")

    [found] = told(pair)
    assert (found.severity, found.certainty, found.count) == (Severity.WARNING, Certainty.LIKELY, 2)
    [mixed] = told(pair, 24)
    assert (mixed.severity, mixed.certainty) == (Severity.INFO, Certainty.POSSIBLE)
    assert told(replace(pair, last_started=None)) == (), "nobody ever worked it: STK03 tells of that"
    assert told(replace(pair, last_started=ago(600))) == ()
    assert told(replace(pair, since=ago(500))) == ()
