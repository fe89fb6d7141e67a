"""The rules of `job explain` over facts made up by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bossctl.explain import explanation
from bossctl.models.common import Payload
from bossctl.models.explain_facts import (
    Activity,
    Ahead,
    Copy,
    Era,
    Head,
    JobFacts,
    Keys,
    Neighbour,
    Parent,
    QueueFacts,
    Registry,
    WorkCall,
)
from bossctl.models.explanation import Explanation, Holds, Reason
from bossctl.models.jobs import FieldValue, Job, JobRow
from tests.support.verdicts import HOSTILE

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
ID = "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e"
NEWEST = Era("11-12", 46, "12.38.0", Keys.PROBED, heads=True, fenced=True, resolver=True, source_link=True)
MIDDLE = Era("11-12", 26, "11.1.0 – 12.5.4", Keys.LISTED)
TEN = Era("10", 24, "10.1.5 – 10.4.2", Keys.BLIND)
NINE = Era("8-9", 20, "8.0.0 – 9.0.3")


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def facts(
    *,
    output: str | None = None,
    fields: dict[str, FieldValue] | None = None,
    era: Era = NEWEST,
    more: dict[str, Any] | None = None,
    **row: Any,
) -> JobFacts:
    """A job created an hour ago in a supervised, idle queue; `row` are its columns, `more` what stands around it."""
    given: dict[str, Any] = {
        **{"id": ID, "queue": "mail", "state": "created", "priority": 0, "retry_count": 0, "retry_limit": 2},
        **{"created_on": ago(hours=1), "start_after": ago(hours=1), "started_on": None, "completed_on": None},
        **{"keep_until": ago(days=-14), "singleton_key": None, "dead_letter": None, "archived": False},
        **{"blocked": False, **row},
    }
    job = Job(JobRow(**given), fields or {}, Payload("{}", 2), Payload(output, len(output or "")), NOW)
    around: dict[str, Any] = {
        "queue": QueueFacts("mail", policy="standard", retry_limit=2),
        "stamps": {"monitor_on": ago(seconds=30)},
        "activity": Activity(ago(seconds=5), 1, 2.0, 50),
        "ahead": Ahead(0, False),
        **(more or {}),
    }
    return JobFacts(job, NOW, era, **around)


def told(given: JobFacts) -> dict[str, Reason]:
    return {one.code: one for one in explanation(given).reasons}


def neighbour(state: str = "active", **columns: Any) -> Neighbour:
    return Neighbour(**{"id": "other", "queue": "mail", "state": state, "started_on": ago(minutes=5), **columns})


def call(**columns: Any) -> WorkCall:
    given: dict[str, Any] = {
        **{"instance": "i", "name": "api", "host": "web", "pid": 7, "release": "12.38.0", "alive": True},
        **{
            "heartbeat_on": ago(seconds=3),
            "stopped_on": None,
            "active": 1,
            "last_fetched_on": ago(seconds=5),
            **columns,
        },
    }
    return WorkCall(**given)


def test_a_due_job_that_nothing_holds() -> None:
    found = explanation(facts())
    assert [one.code for one in found.reasons] == ["ready", "kept-until"]
    assert found.verdict.startswith("due: nothing in the database holds it back")
    assert found.attempts == ()


def test_reasons_come_in_the_order_pg_boss_applies_them() -> None:
    given = facts(
        start_after=ago(hours=-1),
        blocked=True,
        fields={"policy": "singleton", "pending_dependencies": 1, "group_id": "g"},
        more={
            "parents": (Parent("p", "mail", "active"),),
            "holders": (neighbour(),),
            "group_active": 2,
            "stamps": {"monitor_on": ago(hours=2)},
            "registry": None,
        },
    )
    codes = [one.code for one in explanation(given).reasons]
    assert codes == ["deferred", "parent-open", "slot-held", "group-limit", "no-supervisor", "kept-until"]
    assert told(given)["deferred"].until == ago(hours=-1)
    assert "due in 1h (2026-01-02 13:00:00Z)" in told(given)["deferred"].text
    assert told(given)["group-limit"].holds is Holds.UNKNOWN
    assert explanation(given).verdict.endswith("; 3 more reasons hold")


@pytest.mark.parametrize(
    ("state", "code"), [("created", "parent-open"), ("failed", "parent-failed"), ("cancelled", "parent-cancelled")]
)
def test_parents(state: str, code: str) -> None:
    given = facts(blocked=True, fields={"pending_dependencies": 1}, more={"parents": (Parent("p", "q", state),)})
    assert told(given)[code].ids == ("p",)
    assert ("parent-missing" in told(given)) is False
    assert explanation(given).verdict.startswith("waits" if state == "created" else "will never run")
    assert explanation(given).next == ("job", "explain", "p")


def test_a_parent_that_was_counted_down_and_removed_is_not_missed() -> None:
    parents = (Parent("a", "q", None), Parent("b", "q", "active"))
    given = facts(blocked=True, fields={"pending_dependencies": 1}, more={"parents": parents})
    assert "parent-missing" not in told(given)
    lost = replace(given, job=replace(given.job, fields={"pending_dependencies": 2}))
    assert told(lost)["parent-missing"].ids == ("a",)
    assert told(lost)["parent-missing"].holds is Holds.CERTAIN


def test_a_parent_nobody_resolved() -> None:
    parents = (Parent("a", "q", "completed", blocking=True, completed_on=ago(minutes=5)),)
    given = facts(blocked=True, fields={"pending_dependencies": 1}, more={"parents": parents})
    assert told(given)["parent-unresolved"].holds is Holds.CERTAIN
    assert "the resolver never passed" in told(given)["parent-unresolved"].text


def test_the_slot_of_a_key() -> None:
    def held(guarded: bool | None, holder: Neighbour) -> Reason:
        queue = QueueFacts("mail", policy="singleton", guarded=guarded)
        more = {"queue": queue, "holders": (holder,)}
        return told(facts(singleton_key="a", fields={"policy": "singleton"}, more=more))["slot-held"]

    reason = held(True, neighbour(expire_seconds=900.0))
    assert (reason.holds, reason.ids, reason.until) == (Holds.CERTAIN, ("other",), ago(minutes=-10))
    assert "with key a run at a time, and other holds the slot: active, fetched 5m ago" in reason.text
    assert "past its expiry since 2026-01-02 11:56:00Z (4m ago)" in held(True, neighbour(expire_seconds=60.0)).text
    assert held(False, neighbour()).holds is Holds.POSSIBLE
    assert "retried or deleted" in held(True, neighbour("failed", completed_on=ago(minutes=1))).text


def test_the_order_within_a_key() -> None:
    more = {"older_of_key": neighbour("retry", id="older")}
    strict = facts(singleton_key="a", fields={"policy": "key_strict_fifo"}, more=more)
    assert told(strict)["fifo-order"].ids == ("older",)
    assert "fifo-order" not in told(replace(strict, era=replace(NEWEST, number=30, heads=False)))
    assert "fifo-order" not in told(replace(strict, holders=(neighbour("retry", id="older"),)))


def test_a_job_starves_behind_a_head_that_cannot_start() -> None:
    head = Head(neighbour("created", id="head", singleton_key="a", started_on=None), neighbour())
    more = {"head": head, "ahead": Ahead(3, False)}

    def starving(era: Era, **fields: FieldValue) -> Reason | None:
        return told(facts(era=era, fields={"policy": "singleton", **fields}, more=more)).get("starved")

    blind, listed = starving(TEN), starving(MIDDLE)
    assert blind is not None
    assert (blind.holds, blind.ids) == (Holds.CERTAIN, ("head", "other"))
    assert "until that slot is free" in blind.text
    assert listed is not None
    assert "a monitor pass lists that key as active (it never passed)" in listed.text
    assert starving(NEWEST) is None
    assert starving(NEWEST, policy="key_strict_fifo") is None
    assert starving(replace(MIDDLE, number=28), policy="key_strict_fifo") is not None


def test_keys_that_the_queue_lists() -> None:
    queue = QueueFacts("mail", policy="singleton", keys_active=("a",), keys_listed=True, monitor_on=ago(minutes=9))
    listed = told(facts(era=MIDDLE, singleton_key="a", more={"queue": queue}))
    assert "though no job with it is" in listed["key-listed"].text
    assert "key-listed" not in told(
        facts(era=MIDDLE, singleton_key="a", more={"queue": queue, "holders": (neighbour(),)})
    )
    assert told(facts(era=MIDDLE, more={"queue": queue}))["keyless-ignored"].holds is Holds.LIKELY
    assert "keyless-ignored" not in told(facts(era=replace(MIDDLE, number=37), more={"queue": queue}))
    assert told(facts(era=MIDDLE, more={"queue": replace(queue, closed=True)}))["queue-closed"].holds is Holds.CERTAIN
    assert told(facts(era=MIDDLE, more={"queue": replace(queue, closed=None)}))["queue-closed"].holds is Holds.POSSIBLE
    assert "key-listed" not in told(facts(singleton_key="a", more={"queue": queue}))


def test_the_registry_tells_who_works() -> None:
    def codes(*calls: WorkCall, **row: Any) -> dict[str, Reason]:
        registry = Registry(len(calls), sum(one.alive for one in calls), 1, calls)
        return told(facts(more={"registry": registry}, **row))

    assert "no-worker" not in codes(call())
    gone = codes(call(alive=False, heartbeat_on=ago(hours=2)))["no-worker"]
    assert "1 registered, 0 alive; one that did was last heard of 2h ago" in gone.text
    assert gone.holds is Holds.POSSIBLE, "something fetched since it was due"
    band = codes(call(min_priority=5), priority=1)["priority-band"]
    assert "its priority is 1, and the live workers of the queue take 5.. only" in band.text
    assert "priority-band" not in codes(call(min_priority=5), call(), priority=1)


def test_pg_boss_does_not_register_who_works_its_own_queues() -> None:
    more = {"registry": Registry(1, 1, 1, ()), "queue": QueueFacts("__pgboss__send-it")}
    assert "no-worker" not in told(facts(queue="__pgboss__send-it", more=more)), "one fetched 5 s ago"
    assert "no-worker" in told(facts(more={**more, "queue": QueueFacts("mail")}))


def test_without_a_registry_the_rows_tell() -> None:
    def worker(waited: timedelta, last: datetime | None, running: int = 0) -> Reason | None:
        due = NOW - waited
        given = facts(created_on=due, start_after=due, more={"activity": Activity(last, running, None)})
        return told(given).get("no-worker")

    long = worker(timedelta(hours=1), ago(hours=2))
    assert long is not None
    assert long.holds is Holds.LIKELY
    assert "its last fetch was 2h ago" in long.text
    short = worker(timedelta(minutes=5), None)
    assert short is not None
    assert short.holds is Holds.POSSIBLE
    assert worker(timedelta(seconds=20), None) is None
    assert worker(timedelta(hours=1), ago(minutes=5)) is None
    assert worker(timedelta(hours=1), None, running=1) is None


def test_a_group_and_what_its_workers_allow() -> None:
    def group(*calls: WorkCall) -> Reason | None:
        registry = Registry(1, 1, 1, calls)
        more = {"group_active": 2, "registry": registry}
        return told(facts(fields={"group_id": "tenant"}, more=more)).get("group-limit")

    limited = group(call(group_limit=2))
    assert limited is not None
    assert limited.holds is Holds.LIKELY
    assert group(call(group_limit=3)) is None
    assert group(call()) is None


def test_jobs_before_it() -> None:
    assert told(facts(more={"ahead": Ahead(1, False)}))["jobs-ahead"].text.startswith("1 due job of queue mail stands")
    assert told(facts(more={"ahead": Ahead(100_000, True)}))["jobs-ahead"].text.startswith("≥ 100,000 due jobs")


def test_what_maintenance_removes_first() -> None:
    past = facts(keep_until=ago(minutes=1))
    assert told(past)["removed-first"].holds is Holds.CERTAIN
    assert explanation(past).verdict.startswith("waits, and maintenance may remove it first")
    assert "archives it unrun" in told(facts(era=TEN, keep_until=ago(minutes=1)))["removed-first"].text
    assert told(facts(keep_until=ago(days=-1), start_after=ago(days=-2)))["removed-first"].holds is Holds.LIKELY
    ended: dict[str, Any] = {"state": "retry", "started_on": ago(days=8), "completed_on": ago(days=8), "retry_count": 1}
    doomed = told(facts(fields={"deletion_seconds": 604_800}, **ended))
    assert doomed["removed-first"].holds is Holds.CERTAIN
    assert "retried-by-hand" in doomed
    assert told(facts(era=TEN, **ended))["removed-first"].holds is Holds.LIKELY
    assert "kept-until" not in told(facts(keep_until=datetime.max.replace(tzinfo=UTC)))


def test_nobody_maintains() -> None:
    silent: dict[str, Any] = {"stamps": {"monitor_on": ago(hours=1)}}
    assert told(facts(more=silent))["no-supervisor"].holds is Holds.LIKELY
    certain = told(facts(more={**silent, "registry": Registry(2, 1, 0, (call(),))}))["no-supervisor"]
    assert certain.holds is Holds.CERTAIN
    assert "of 2 registered instances none is alive and supervises" in certain.text
    assert "no-supervisor" not in told(facts(more={**silent, "backoff_until": ago(hours=-1)}))
    young: dict[str, Any] = {"created_on": ago(minutes=1), "start_after": ago(minutes=1)}
    assert "no-supervisor" not in told(facts(more={"stamps": {"monitor_on": None}}, **young))


def test_a_retry_tells_when_and_why() -> None:
    given = facts(
        state="retry", retry_count=1, started_on=ago(minutes=1), start_after=ago(minutes=-5), output='{"message": "no"}'
    )
    found = told(given)
    assert "attempt 3 is due only in 5m" in found["retry-delay"].text
    assert found["failed-before"].text == "attempt 2 failed: no"
    outcomes = [(one.attempt, one.outcome) for one in explanation(given).attempts]
    assert outcomes == [(1, "unknown"), (2, "failed")]


@pytest.mark.parametrize(
    ("output", "outcome"),
    [
        ('{"message": "handler execution exceeded 60s"}', "overran"),
        ('{"value": {"message": "job timed out"}}', "expired"),
        ('{"value": {"message": "job failed by timeout in active state"}}', "expired"),
        ('{"value": {"message": "job heartbeat timeout"}}', "heartbeat-lost"),
        ('{"value": "pg-boss shut down while active"}', "shut-down"),
        ('{"message": "x", "code": "23505", "severity": "ERROR", "routine": "r"}', "database-error"),
        ('{"message": "SMTP 550"}', "failed"),
        ("[1]", "failed"),
    ],
)
def test_what_a_recorded_reason_proves(output: str, outcome: str) -> None:
    given = facts(state="failed", retry_count=0, started_on=ago(minutes=2), completed_on=ago(minutes=1), output=output)
    [attempt] = explanation(given).attempts
    assert attempt.outcome == outcome
    open_ended = any(one.code == "handler-end" for one in explanation(given).unknown)
    assert open_ended == (outcome != "failed")


def running(**given: Any) -> Explanation:
    return explanation(facts(state="active", started_on=ago(minutes=5), **given))


def test_an_active_job() -> None:
    found = running(fields={"expire_seconds": 900}, retry_count=1, output='{"message": "no"}')
    assert found.verdict.startswith("active: attempt 2 was fetched 5m ago")
    codes = {one.code: one for one in found.reasons}
    assert codes["expires"].until == ago(minutes=-10)
    assert "1 of 2 retries left" in codes["expires"].text
    assert codes["failed-before"].text == "attempt 1 failed: no"
    assert [(one.attempt, one.outcome) for one in found.attempts] == [(1, "failed"), (2, "running")]


def test_an_active_job_past_its_expiry() -> None:
    found = running(fields={"expire_seconds": 60}, retry_count=2, more={"stamps": {"monitor_on": ago(hours=1)}})
    assert found.verdict.startswith(
        "stuck: it is past its expiry (1m after its start) since 2026-01-02 11:56:00Z (4m ago)"
    )
    assert "no maintenance is to be seen that would; then it ends as failed: no retries left" in found.verdict
    assert "ends as expired" in running(era=NINE, fields={"expire_seconds": 30}, retry_limit=0).verdict


def test_what_maintenance_is_about_to_see_to_is_not_stuck() -> None:
    found = running(fields={"expire_seconds": 200})
    assert found.verdict.startswith("active: ")
    assert "expiring" in {one.code for one in found.reasons}
    unattended = running(fields={"expire_seconds": 200}, more={"stamps": {"monitor_on": ago(hours=1)}})
    assert unattended.verdict.startswith("stuck: ")
    beat: dict[str, FieldValue] = {"heartbeat_on": ago(seconds=70), "heartbeat_seconds": 60}
    assert "heartbeat-late" in {one.code for one in running(fields=beat).reasons}


def test_heartbeats() -> None:
    fields: dict[str, FieldValue] = {"heartbeat_on": ago(minutes=5), "heartbeat_seconds": 60, "expire_seconds": 900}
    assert running(fields=fields).verdict.startswith("stuck: its last heartbeat was 5m ago")
    assert "ignore the job's own" in running(fields=fields, era=replace(NEWEST, number=30)).verdict
    beating = {one.code for one in running(fields={**fields, "heartbeat_on": ago(seconds=9)}).reasons}
    assert "heartbeat" in beating
    assert "heartbeat-stale" not in beating


def test_the_instance_that_has_it() -> None:
    def on(*calls: WorkCall) -> Reason | None:
        found = running(more={"registry": Registry(len(calls), 1, 1, calls)})
        return next((one for one in found.reasons if one.code == "on-instance"), None)

    one = on(call())
    assert one is not None
    assert one.holds is Holds.LIKELY
    assert "api on web (process 7), alive" in one.text
    two = on(call(), call(name="b"))
    assert two is not None
    assert two.holds is Holds.POSSIBLE
    assert on(call(active=0)) is None
    assert on(call(stopped_on=ago(minutes=9))) is None
    fetched_before = on(call(), call(name="b", last_fetched_on=ago(hours=1)))
    assert fetched_before is not None
    assert fetched_before.holds is Holds.LIKELY


def ended(state: str = "completed", **given: Any) -> JobFacts:
    row = {"state": state, "started_on": ago(minutes=2), "completed_on": ago(minutes=1), **given}
    return facts(**{"fields": {"deletion_seconds": 604_800}, **row})


def test_a_completed_job() -> None:
    found = explanation(ended(retry_count=2))
    end = "completed 1m ago (2026-01-02 11:59:00Z), 1m after its last fetch"
    assert found.verdict == f"{end}; fetched at least 3 times (retry_count is 2 of 2)"
    codes = told(ended(retry_count=2))
    assert codes["deleted-at"].until == ago(minutes=1) + timedelta(days=7)
    assert [(one.attempt, one.through, one.outcome) for one in found.attempts] == [
        (1, 2, "unknown"),
        (3, 3, "completed"),
    ]
    assert {one.code for one in found.unknown} == {"attempt-times", "attempt-causes", "worker"}


def test_a_completion_that_may_be_a_former_attempts() -> None:
    hasty: dict[str, Any] = {"retry_count": 1, "completed_on": ago(minutes=1), "started_on": ago(seconds=60.1)}
    assert told(ended(era=MIDDLE, **hasty))["completed-by-former"].holds is Holds.POSSIBLE
    assert explanation(ended(era=MIDDLE, **hasty)).attempts[-1].holds is Holds.LIKELY
    assert "completed-by-former" not in told(ended(**hasty)), "12.35 and newer settle by attempt"
    assert "completed-by-former" not in told(ended(era=MIDDLE, **{**hasty, "retry_count": 0}))


def test_a_failed_job_and_its_dead_letter() -> None:
    copy = neighbour("created", id="copy", queue="mail-dead", started_on=None)
    assert told(ended("failed", retry_count=2))["no-dead-letter"].holds is Holds.CERTAIN
    linked = ended("failed", retry_count=2, dead_letter="mail-dead", more={"copies": (Copy(copy, ID, True),)})
    assert told(linked)["dead-letter"].holds is Holds.CERTAIN
    assert explanation(linked).next == ("job", "explain", "copy")
    told_by_time = replace(linked, era=TEN, copies=(Copy(copy, None, False),))
    assert told(told_by_time)["dead-letter"].holds is Holds.LIKELY
    assert "dead-letter-link" in {one.code for one in explanation(told_by_time).unknown}
    assert told(replace(linked, copies=()))["dead-letter-gone"].holds is Holds.LIKELY
    sibling = replace(linked, copies=(Copy(copy, "another", True),))
    assert told(sibling)["lineage"].ids == ("copy",)
    assert "no-dead-letter" not in told(ended("failed", era=NINE))


def test_failures_with_retries_left() -> None:
    collided = told(ended("failed", fields={"policy": "stately"}))["failed-early"]
    assert collided.holds is Holds.LIKELY
    assert "2 retries left" in collided.text
    assert told(ended("failed"))["failed-early"].holds is Holds.POSSIBLE
    assert "failed-early" not in told(ended("failed", retry_count=2))
    assert told(ended("failed", retry_count=3, retry_limit=3))["retried-by-hand"].holds is Holds.LIKELY


def test_the_origin_of_a_dead_letter() -> None:
    fields: dict[str, FieldValue] = {
        "source_name": "mail",
        "source_id": "original",
        "source_retry_count": 2,
        "source_output": '{"message": "SMTP 550"}',
    }
    found = told(facts(fields=fields))["made-of"]
    assert found.ids == ("original",)
    assert found.text == (
        "it was made of job original of queue mail after 3 attempts, which is not stored any more; it failed: SMTP 550"
    )


def test_what_hangs_on_it() -> None:
    given = ended("failed", more={"blocked_children": 2, "children": ("c1", "c2")})
    assert told(given)["children-blocked"].text == "2 blocked jobs wait for it for ever"


def test_how_long_it_stays() -> None:
    assert told(ended(fields={"deletion_seconds": 0}))["kept-for-ever"].holds is Holds.CERTAIN
    assert "deleted-at" in told(ended(fields={"deletion_seconds": 0}, era=MIDDLE))
    assert told(ended(era=TEN))["archived-at"].holds is Holds.POSSIBLE
    moved = told(ended(era=TEN, archived=True, fields={"archived_on": ago(days=1)}))["archived"]
    assert moved.until == ago(days=-6)
    own = told(ended(archived=True, fields={"archived_on": ago(days=1)}))["archived"]
    assert own.until is None
    unrun = explanation(facts(era=TEN, archived=True, fields={"archived_on": ago(days=1)}))
    assert unrun.verdict.startswith("never ran: maintenance moved it to the archive 1d ago")


def test_a_queue_that_is_gone() -> None:
    gone = facts(more={"queue": QueueFacts("mail", exists=False)})
    assert explanation(gone).verdict.startswith("will never run as things are: there is no queue mail")
    assert "queue-missing" not in told(facts(era=NINE, more={"queue": QueueFacts("mail", implicit=True)}))


def test_put_back() -> None:
    given = facts(started_on=ago(minutes=30))
    assert "put-back" in told(given)
    assert [one.outcome for one in explanation(given).attempts] == ["unknown"]


def test_what_could_not_be_read_is_unknown() -> None:
    given = facts(more={"unseen": ("the instance registry: role x may not do this",)})
    assert "the instance registry: role x may not do this" in {one.text for one in explanation(given).unknown}


def test_database_text_is_harmless() -> None:
    output = '{"message": "\\u001b[31m \\u202e evil"}'
    queue = QueueFacts(HOSTILE, policy="singleton", exists=False)
    given = facts(
        queue=HOSTILE,
        state="retry",
        singleton_key=HOSTILE,
        started_on=ago(minutes=1),
        output=output,
        fields={"policy": "singleton", "group_id": HOSTILE},
        more={"queue": queue, "holders": (neighbour(),), "group_active": 1, "ahead": Ahead(1, False)},
    )
    found = explanation(given)
    every = [found.verdict, *(one.text for one in (*found.reasons, *found.attempts, *found.unknown))]
    assert not [text for text in every if any(sign < " " or sign in "\x7f\x9b\u202e\u2069" for sign in text)]
