"""CFG03, CFG06, CFG07 and CFG08: settings that do not do what was meant by them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import ago, list_jobs, some
from bossctl.format import duration, timestamp
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings_settings import (
    ForgottenPolicies,
    IgnoredOptions,
    KeyOverlaps,
    QueueSetting,
    QueueSettings,
    ScheduleOptions,
    UnreadDeadLetters,
)

UNREAD_SECONDS = 86_400.0
"""Dead letters that nobody fetched within a day."""


def dead_letter_broken(readings: Readings) -> Iterator[Case]:
    """Cases per queue: its dead-letter queue is missing, leads back to it, or is never read."""
    found, now = readings[QueueSettings], readings.ground.now
    for queue in found.queues.values():
        if not queue.asked or queue.dead_letter is None:
            continue
        if queue.dead_letter not in found.queues:
            yield _missing_case(queue, queue.dead_letter)
        elif (loop := dead_letter_loop(queue.name, found.queues)) and queue.name == min(loop):
            yield _loop_case(queue.name, loop)
    for unread in found.unread:
        if (now - unread.first_on).total_seconds() > UNREAD_SECONDS:
            yield _unread_case(unread, found, ago(unread.first_on, now))


def dead_letter_loop(name: str, queues: Mapping[str, QueueSetting]) -> tuple[str, ...]:
    """The way of dead letters from a queue back to it, empty if there is none."""
    way = [name]
    while (setting := queues.get(way[-1])) and setting.dead_letter:
        if setting.dead_letter == name:
            return tuple(way)
        if setting.dead_letter in way:
            return ()
        way.append(setting.dead_letter)
    return ()


def _missing_case(queue: QueueSetting, missing: str) -> Case:
    return Case(
        queue=queue.name,
        subject="missing dead letter",
        certainty=Certainty.PROVEN,
        count=1,
        message=f"the dead-letter queue {missing} of queue {queue.name} does not exist: what fails for good is dropped"
        " (11 and newer), or cannot even fail (10)",
        evidence=[{"queue": queue.name, "dead_letter": missing, "exists": False}],
        advice="ensure it; the foreign key that should have kept it is gone too, so add that again",
        command=("queue", "ensure", missing),
    )


def _loop_case(name: str, loop: tuple[str, ...]) -> Case:
    way = " → ".join((*loop, name))
    return Case(
        queue=name,
        subject="dead letter loop",
        certainty=Certainty.PROVEN,
        count=len(loop),
        message=f"dead letters go in a circle ({way}): a job that always fails comes back for ever, as a new job each"
        " time",
        evidence=[{"queue": one, "dead_letter": after} for one, after in zip(loop, (*loop[1:], name), strict=True)],
        advice="let the last of them have no dead-letter queue",
        command=("queue", "ensure", loop[-1], "--dead-letter", "none"),
    )


def _unread_case(unread: UnreadDeadLetters, found: QueueSettings, since: str) -> Case:
    sources = sorted(queue.name for queue in found.queues.values() if queue.dead_letter == unread.queue)
    return Case(
        queue=unread.queue,
        subject="unread dead letters",
        certainty=Certainty.LIKELY,
        count=unread.jobs,
        since=unread.first_on,
        message=f"{some(unread.jobs, 'job waits', 'jobs wait')} in the dead-letter queue {unread.queue}, the oldest"
        f" came {since}, and none was ever fetched",
        evidence=[{"dead_letter": unread.queue, "waiting": unread.jobs, "of_queues": tuple(sources[:20])}],
        advice="let somebody work or look through this queue before retention removes what is in it",
        command=list_jobs(unread.queue, "open"),
    )


def policy_was_reset(readings: Readings) -> Iterator[Case]:
    """One case per queue and policy it had."""
    for one in readings[ForgottenPolicies].queues:
        yield Case(
            queue=one.queue,
            subject=f"was {one.was}",
            certainty=Certainty.LIKELY,
            count=one.jobs,
            since=one.updated_on,
            message=f"queue {one.queue} is standard, but {some(one.jobs, 'job')} made up to {timestamp(one.last_on)}"
            f" {'has' if one.jobs == 1 else 'have'} the policy {one.was}: updateQueue() at {timestamp(one.updated_on)}"
            " put it back",
            evidence=[
                {
                    "policy": "standard",
                    "was": one.was,
                    "jobs": one.jobs,
                    "first_on": one.first_on,
                    "last_on": one.last_on,
                    "updated_on": one.updated_on,
                }
            ],
            advice=f"set the column policy of its row in the table queue to {one.was} again, and pass the policy with"
            " each updateQueue(), or upgrade to 11",
            command=("queue", "show", one.queue),
        )


def schedule_options_ignored(readings: Readings) -> Iterator[Case]:
    """One case per schedule whose jobs are not as its options ask."""
    for one in readings[ScheduleOptions].ignored:
        yield Case(
            queue=one.queue,
            subject="schedule options",
            certainty=Certainty.PROVEN,
            count=one.jobs,
            jobs=one.samples,
            since=one.first_on,
            message=f"the schedule of queue {one.queue} asks for {_wanted(one)}: {some(one.jobs, 'job')} came of it"
            " otherwise",
            evidence=[
                {
                    "expire_seconds_asked": one.expire,
                    "expire_seconds": one.expire_got,
                    "retention_seconds_asked": one.retention,
                    "retention_seconds": one.retention_got,
                }
            ],
            advice="10.1.6 and newer take expireInSeconds of a schedule, 11 every option; until then set it on the"
            " queue",
            command=("queue", "ensure", one.queue, "--expire-in", f"{one.expire:.0f}s")
            if one.expire and one.expire != one.expire_got and one.expire <= 86_400
            else ("schedule", "list"),
        )


def _wanted(one: IgnoredOptions) -> str:
    told = []
    if one.expire is not None and one.expire != one.expire_got:
        told.append(f"an expiry of {duration(one.expire)} and its jobs have {duration(one.expire_got)}")
    if one.retention is not None and one.retention != one.retention_got:
        told.append(f"a retention of {duration(one.retention)} and its jobs have {duration(one.retention_got)}")
    return " and ".join(told) or "options of its own"


def singleton_key_without_effect(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    for one in readings[KeyOverlaps].queues:
        yield Case(
            queue=one.queue,
            subject="singleton keys",
            certainty=Certainty.PROVEN,
            count=one.jobs,
            jobs=one.samples,
            since=one.first_on,
            message=f"{some(one.jobs, 'job')} of queue {one.queue} {'was' if one.jobs == 1 else 'were'} made while"
            f" another with the same singleton key was not finished ({some(one.keys, 'key')}): on a standard queue the"
            " key has no effect",
            evidence=[{"policy": "standard", "jobs": one.jobs, "keys": one.keys, "first_on": one.first_on}],
            advice="if the key was meant to keep a second job away, make a queue with the policy short, singleton,"
            " stately or exclusive (the policy of a queue cannot change) or send with singletonSeconds; if not, leave"
            " the key away",
            command=list_jobs(one.queue),
        )


CHECKS: tuple[Check, ...] = (
    Check(
        code="CFG03",
        slug="dead-letter-broken",
        title="dead-letter queue missing, looping or never read",
        severity=Severity.WARNING,
        needs=(QueueSettings,),
        what="Follows each queue's dead letter: to a queue that does not exist, in a circle, or to a queue whose oldest"
        " job waits for more than a day while none was ever fetched.",
        why="Dead letters are the last trace of failed work: they are lost, go round for ever, or expire unread.",
        confirm="bossctl queue list shows the dead-letter queues.",
        fix="Ensure what is missing, end the circle, work the queue.",
        releases="10.0.0 and newer",
        judge=dead_letter_broken,
    ),
    Check(
        code="CFG06",
        slug="policy-was-reset",
        title="10.x updateQueue put the queue back to standard",
        severity=Severity.WARNING,
        needs=(ForgottenPolicies,),
        what="Looks for standard queues that were updated and have older jobs of another policy.",
        why="updateQueue() of 10.x resets the policy whenever it is not passed: from then on nothing keeps jobs of one"
        " key apart.",
        confirm="bossctl queue show NAME shows the policy; compare with what the application creates.",
        fix="Set the policy in the queue table again; upgrade.",
        releases="10.0.0 to 10.4.2",
        judge=policy_was_reset,
    ),
    Check(
        code="CFG07",
        slug="schedule-options-ignored",
        title="10.0 to 10.4 ignored the expiry or retention asked for",
        severity=Severity.WARNING,
        needs=(ScheduleOptions,),
        what="Compares the expiry and retention in a schedule's options with the jobs that came of it since it was last"
        " changed.",
        why="Such a job expires after 15 minutes whatever its schedule says, and runs again while it still runs.",
        confirm="bossctl job show ID shows the expiry of a job.",
        fix="Set the expiry on the queue, or upgrade to 11.",
        releases="10.0.0 to 10.1.5 (all options), 10.1.6 to 10.4.2 (expiry in minutes or hours, retention)",
        judge=schedule_options_ignored,
    ),
    Check(
        code="CFG08",
        slug="singleton-key-without-effect",
        title="keys on a standard queue where equal keys overlap",
        severity=Severity.WARNING,
        needs=(KeyOverlaps,),
        what="Looks on standard queues for jobs made in the window while another with the same singleton key was not"
        " finished. Throttled and debounced jobs, dead letters and upserts are left out.",
        why="8 and 9 kept one queued or active job per key; from 10 on only a policy does. Applications that came from"
        " there make duplicates.",
        confirm="bossctl job list 'queue:NAME key:KEY' shows the jobs of one key.",
        fix="Use a queue with a policy, or singletonSeconds.",
        releases="10.0.0 and newer",
        judge=singleton_key_without_effect,
    ),
)
