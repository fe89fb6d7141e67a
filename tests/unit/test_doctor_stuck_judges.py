"""The judges of STK02 to STK13 on readings made by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bossctl.doctor import explain
from bossctl.doctor.check import Readings
from bossctl.doctor.scheduler import missed_slots
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, Finding, Severity
from bossctl.models.readings import Ground, SchemaNumber, Supervision
from bossctl.models.readings_keys import CutRetries, CutRetry, QueueCuts, RetryingHolder, RetryingHolders
from bossctl.models.readings_stuck import (
    Backlog,
    BlockedGroup,
    BlockedJob,
    Flows,
    Heartbeats,
    HeldKey,
    HeldSlots,
    OpenGroup,
    OpenSymptom,
    OpenWork,
    Orphan,
    Orphans,
    Pace,
    RefusedRetry,
    Scheduler,
    Timetable,
)
from bossctl.models.workers import Worker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = Target("localhost", 5432, "app", "reader", "pgboss", "--dsn")


def before(**ago: float) -> datetime:
    return NOW - timedelta(**ago)


def judged(code: str, *taken: object, generation: str = "11-12") -> tuple[Finding, ...]:
    return explain(code).findings(Readings(Ground(NOW, generation), {type(one): one for one in taken}), TARGET)


def worker(*queues: str, alive: bool = True, schedule: bool = True) -> Worker:
    return Worker(
        instance="5d0f",
        name=None,
        host="app-1",
        pid=7,
        release="12.38.0",
        queues=queues,
        heartbeat_on=NOW,
        heartbeat_age_seconds=1.0,
        heartbeat_seconds=30,
        alive=alive,
        source="registry",
        application_name=None,
        started_on=NOW,
        stopped_on=None,
        supervise=True,
        schedule=schedule,
        sessions=1,
        active=0,
        details={},
    )


def supervision(*instances: Worker, registry: bool = True) -> Supervision:
    return Supervision({"monitor_on": NOW}, None, True, True, instances if registry else None, None)


def work(*groups: OpenGroup, backlogs: tuple[Backlog, ...] = ()) -> OpenWork:
    return OpenWork(groups, {}, backlogs, 120.0)


def backlog(
    waits: float, *, taken: float | None = None, usual: float | None = None, queue: str = "mail", dead: bool = False
) -> Backlog:
    last = None if taken is None else before(seconds=taken)
    return Backlog(queue, 3, before(seconds=waits), None, ("a",), Pace(last, usual), dead)


def group(symptoms: OpenSymptom, queue: str = "mail") -> OpenGroup:
    return OpenGroup(queue, "created", symptoms, 2, None, before(hours=1), before(hours=2), ("a", "b"))


# STK03


@pytest.mark.parametrize(
    ("waits", "taken", "usual", "registry", "forsaken"),
    [
        (590, None, None, False, False),
        (610, None, None, False, True),
        (310, None, None, True, True),
        (3600, 300, 1.0, True, False),
        (3600, 3000, 1.0, False, True),
        (3600, 90_000, 1300.0, False, False),
        (3600, 90_000, 1100.0, False, True),
    ],
)
def test_when_a_queue_is_forsaken(
    waits: float, taken: float | None, usual: float | None, registry: bool, forsaken: bool
) -> None:
    fleet = supervision(worker("other"), registry=registry)
    assert bool(judged("STK03", work(backlogs=(backlog(waits, taken=taken, usual=usual),)), fleet)) is forsaken


def test_a_live_instance_that_works_the_queue_is_believed_and_a_dead_one_is_not() -> None:
    waiting = work(backlogs=(backlog(3600),))
    assert judged("STK03", waiting, supervision(worker("mail"))) == ()
    [found] = judged("STK03", waiting, supervision(worker("mail", alive=False), worker("other")))
    assert "of 1 live instance none works this queue" in found.message
    [found] = judged("STK03", waiting, supervision())
    assert found.remedy.command == "bossctl job list 'queue:mail is:due'"


def test_dead_letters_and_completion_jobs_are_info_and_internal_queues_are_nothing() -> None:
    told = work(
        backlogs=(
            backlog(3600, queue="dead", dead=True),
            backlog(3600, queue="__state__completed__mail"),
            backlog(3600, queue="__pgboss__cron"),
        )
    )
    found = judged("STK03", told, supervision())
    assert [(one.queue, one.severity) for one in found] == [
        ("dead", Severity.INFO),
        ("__state__completed__mail", Severity.INFO),
    ]


# STK02, STK09, STK12


def test_a_heartbeat_the_queue_does_not_know_of() -> None:
    missed = work(group(OpenSymptom.HEARTBEAT_MISSED))
    [known] = judged("STK02", missed, Heartbeats({"mail": 30}))
    [ignored] = judged("STK02", missed, Heartbeats({"mail": None}))
    assert "12.12 to 12.25 ignore" not in known.message
    assert "12.12 to 12.25 ignore" in ignored.message
    assert known.fingerprint == ignored.fingerprint
    assert judged("STK02", work(group(OpenSymptom.WORKED)), Heartbeats({})) == ()


def test_what_never_ran_and_what_is_to_run_again_are_told_apart() -> None:
    new = work(group(OpenSymptom.DUE | OpenSymptom.NEW_PAST_KEEPING))
    again = work(group(OpenSymptom.AGAIN_PAST_KEEPING))
    assert [len(judged("STK09", one)) for one in (new, again)] == [1, 0]
    assert [len(judged("STK12", one)) for one in (new, again)] == [0, 1]
    [found] = judged("STK09", new, generation="10")
    assert "waiting that never ran are past keep_until: the next maintenance archives them" in found.message
    assert judged("STK09", work(group(OpenSymptom.NEW_PAST_KEEPING, "__pgboss__maintenance"))) == ()


def test_a_limit_that_the_client_keeps_to_itself_is_only_likely() -> None:
    ended = work(group(OpenSymptom.ENDED_LONG_AGO))
    assert [one.certainty for one in judged("STK12", ended, generation="10")] == [Certainty.LIKELY]
    assert [one.certainty for one in judged("STK12", ended)] == [Certainty.PROVEN]


# STK06


def test_each_fate_of_a_parent_is_a_finding_of_its_own_and_the_resolver_one_for_all() -> None:
    child = BlockedJob("c", NOW, None, 1, "parents", "p", before(minutes=5))
    kinds = ("failed", "gone", "unlinked", "unresolved")
    flows = Flows(tuple(BlockedGroup("steps", kind, 4, before(hours=1), (child,)) for kind in kinds), before(hours=3))
    found = judged("STK06", flows)
    assert [(one.queue, one.subject, one.count) for one in found] == [
        ("steps", "parent failed", 4),
        ("steps", "parent gone", 4),
        ("steps", "parent unlinked", 4),
        (None, "resolver", 4),
    ]
    assert [one.remedy.command for one in found] == [
        *["bossctl job list 'queue:steps is:open'"] * 3,
        "bossctl worker list",
    ], "of four jobs one is shown"
    whole = Flows((BlockedGroup("steps", "failed", 1, before(hours=1), (child,)),), before(hours=3))
    assert judged("STK06", whole)[0].remedy.command == "bossctl job retry p"
    assert "the resolver last passed 3h ago" in found[3].message


# STK08


def timetable(
    cron: str, *sent: datetime, key: str = "", kind: str = "cron", set_on: datetime | None = None
) -> Timetable:
    return Timetable("report", key, cron, "UTC", kind, set_on or before(days=3), frozenset(sent))


def scheduler(*tables: Timetable, cron_on: datetime | None = NOW, parsers: tuple[int, ...] = (5,)) -> Scheduler:
    return Scheduler(tables, cron_on, before(days=5), 0, None, None, (), 120.0, parsers)


def test_a_daily_slot_that_was_missed() -> None:
    slot = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
    assert judged("STK08", scheduler(timetable("0 3 * * *", slot)), supervision()) == ()
    [found] = judged("STK08", scheduler(timetable("0 3 * * *", before(minutes=1), key="eu")), supervision())
    assert (found.severity, found.certainty, found.count) == (Severity.ERROR, Certainty.LIKELY, 1)
    assert "1 of the last 1 slot of the schedule of queue report (key eu) (0 3 * * *)" in found.message
    assert found.evidence[0]["slot"] == slot
    [ruled] = judged("STK08", scheduler(timetable("FREQ=DAILY;BYHOUR=3", kind="rrule")), supervision())
    assert ruled.evidence[0]["slot"] == slot


def test_what_is_not_known_is_not_told() -> None:
    late = timetable("0 3 * * *", set_on=datetime(2026, 3, 1, 4, 0, tzinfo=UTC))
    for table in (late, timetable("FREQ=SECONDLY", kind="rrule"), timetable("nonsense"), timetable("0 3 1 1 *")):
        assert judged("STK08", scheduler(table), supervision()) == ()
    nothing_stored = Scheduler((timetable("0 3 * * *"),), NOW, None, 0, None, None, (), 120.0, (5,))
    assert judged("STK08", nothing_stored, supervision()) == ()


def test_a_slot_that_only_one_of_two_possible_parsers_fires() -> None:
    """Version 4 takes `1-31` for every day, 5 for days that are named."""
    odd = timetable("0 3 1-31 * 1")
    assert len(judged("STK08", scheduler(odd, parsers=(5,)), supervision())) == 1
    assert judged("STK08", scheduler(odd, parsers=(4, 5)), supervision()) == ()


def test_a_dense_schedule_may_skip_a_slot_or_two() -> None:
    slots = [before(minutes=5 + number) for number in range(30)]
    assert missed_slots(slots, frozenset(slots[::4])) == []
    assert missed_slots(slots, frozenset(slots[:20])) == slots[22:]
    assert missed_slots(slots[:1], frozenset()) == slots[:1]


def test_who_should_pass_over_the_schedules() -> None:
    stale = scheduler(timetable("0 3 * * *"), cron_on=before(minutes=10))
    [proven] = judged("STK08", stale, supervision(worker(schedule=False), worker(alive=False)))
    [alive] = judged("STK08", stale, supervision(worker()))
    [unknown] = judged("STK08", stale, supervision(registry=False))
    assert [one.certainty for one in (proven, alive, unknown)] == [
        Certainty.PROVEN,
        Certainty.LIKELY,
        Certainty.LIKELY,
    ]
    assert "of 2 registered instances none is alive and schedules" in proven.message
    assert "1 live instance should" in alive.message
    [never] = judged("STK08", scheduler(timetable("0 3 * * *"), cron_on=None), supervision(registry=False))
    assert "no pass was ever made" in never.message
    fresh = scheduler(timetable("0 3 * * *", set_on=before(seconds=60)), cron_on=None)
    assert judged("STK08", fresh, supervision()) == ()


# STK13


def test_sends_wait_only_when_none_was_taken_meanwhile() -> None:
    def stalled(waiting: int, taken: datetime | None) -> Scheduler:
        return Scheduler((), NOW, before(days=1), waiting, before(minutes=9), taken, ("a",), 120.0, (5,))

    assert judged("STK13", stalled(0, None)) == ()
    assert judged("STK13", stalled(2, before(seconds=100))) == ()
    [found] = judged("STK13", stalled(2, before(seconds=140)))
    assert (found.certainty, found.count, found.since) == (Certainty.PROVEN, 2, before(minutes=9))
    assert "2 sends of the scheduler wait in __pgboss__send-it" in found.message


# STK04, STK05


def held(policy: str = "stately", state: str = "active", retrying: int = 1) -> HeldKey:
    return HeldKey("bill", policy, "a", "h", state, before(hours=1), 3, retrying, before(minutes=50), ("w",))


@pytest.mark.parametrize(
    ("number", "sure"),
    [(21, Certainty.PROVEN), (22, Certainty.LIKELY), (23, Certainty.LIKELY), (24, None), (46, None), (None, None)],
)
def test_which_releases_abort_on_a_stately_retry(number: int | None, sure: Certainty | None) -> None:
    found = judged("STK05", HeldSlots((held(),), ()), CutRetries(()), SchemaNumber(number, None, None), generation="10")
    assert [one.certainty for one in found] == ([sure] if sure else [])
    for other in (held("singleton"), held(state="failed"), held(retrying=0)):
        assert judged("STK05", HeldSlots((other,), ()), CutRetries(()), SchemaNumber(21, None, None)) == ()


def test_keys_are_told_by_queue_and_by_what_holds_them() -> None:
    slots = HeldSlots((held(), held("key_strict_fifo", "failed"), held()), ())
    found = judged("STK04", slots, RetryingHolders(()))
    assert [(one.subject, one.count) for one in found] == [("held by active", 6), ("held by failed", 3)]
    assert "6 jobs of queue bill wait for 2 keys that an active job past its expiry holds" in found[0].message


@pytest.mark.parametrize(
    ("due", "severity", "told"),
    [
        (before(minutes=11), Severity.INFO, "was due 11m ago"),
        (NOW + timedelta(hours=2), Severity.INFO, "is due 2026-03-01 14:00:00Z"),
        (NOW + timedelta(hours=25), Severity.WARNING, "is due 2026-03-02 13:00:00Z"),
    ],
)
def test_a_retry_that_keeps_its_key_is_told_with_when_it_is_due(due: datetime, severity: Severity, told: str) -> None:
    holder = RetryingHolder("ledger", "a", "h", before(hours=1), due, 3, before(minutes=50), ("w",))
    [found] = judged("STK04", HeldSlots((), ()), RetryingHolders((holder,)))
    assert (found.severity, found.subject, found.count) == (severity, "held by retry", 3)
    assert told in found.message


def test_a_refused_retry_is_told_with_its_key() -> None:
    retry = RefusedRetry("sync", "a", "r", before(minutes=7), before(minutes=1))
    [found] = judged("STK05", HeldSlots((), (retry,)), CutRetries(()), SchemaNumber(25, None, None))
    assert (found.severity, found.subject, found.evidence[0]["key"]) == (Severity.ERROR, "retry refused", "a")
    assert "1 retry of queue sync can never start: the queue lists its key as active" in found.message


def test_retries_that_were_cut_off_are_no_alarm() -> None:
    cut = CutRetry("c", "a", 0, 2, before(hours=1))
    cuts = CutRetries((QueueCuts("bill", 21, before(hours=3), (cut,)),))
    [found] = judged("STK05", HeldSlots((), ()), cuts, SchemaNumber(46, None, None))
    assert (found.severity, found.certainty, found.count) == (Severity.INFO, Certainty.LIKELY, 21)
    assert "21 jobs of the stately queue bill failed for good with retries left" in found.message
    assert found.remedy.command == "bossctl job list 'queue:bill state:failed'"


# STK10


def test_jobs_and_partitions_without_a_queue_are_told_apart() -> None:
    orphans = Orphans((Orphan("gone", 1, 0, before(days=2)), Orphan("lost", 12, 3, None)), (("jabc", "FOR VALUES"),))
    found = judged("STK10", orphans)
    assert [(one.queue, one.subject, one.count, one.severity) for one in found] == [
        ("gone", "no queue", 1, Severity.ERROR),
        ("lost", "no queue", 12, Severity.ERROR),
        (None, "partition jabc", 1, Severity.ERROR),
    ]
    assert "1 job (0 open) bears the name gone" in found[0].message
    assert "12 jobs (3 open) bear the name lost" in found[1].message
    assert [one.remedy.command for one in found] == [
        "bossctl queue ensure gone",
        "bossctl queue ensure lost",
        "bossctl queue list",
    ]
    assert judged("STK10", Orphans((), ())) == ()
