"""STK: schedules that do not fire, and sends of the scheduler that nobody takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import ago, minute, some
from bossctl.format import duration
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import Supervision
from bossctl.models.readings_stuck import Scheduler, Timetable
from bossctl.models.workers import Worker
from bossctl.slots import DAY, SETTLED, Known, due_slots, judged_since

CRON_SILENT_SECONDS = SETTLED.total_seconds()
"""Nobody passed over the schedules in the time in which any slot is sent."""

SLOTS_COMPARED = 60
DENSE_SECONDS = 600.0
MISSED_IN_A_ROW = 3
"""Passes are not exact: of a schedule that fires every few minutes one slot may be skipped."""

EARLIER, LATER = timedelta(minutes=1), timedelta(minutes=2)
SHOWN = 20


def schedule_not_firing(readings: Readings) -> Iterator[Case]:
    """One case where nobody passes over the schedules, else one per schedule that missed slots."""
    found, now = readings[Scheduler], readings.ground.now
    settled = [one for one in found.timetables if one.set_on and _seconds(one.set_on, now) > CRON_SILENT_SECONDS]
    if not settled:
        return
    if found.cron_on is None or _seconds(found.cron_on, now) > CRON_SILENT_SECONDS:
        yield _dead_case(settled, found, readings[Supervision].instances, now)
        return
    for table in settled:
        slots = expected(table, found, now)
        missed = missed_slots(slots, table.sent)
        if missed:
            yield _missed_case(table, slots, missed)


def _seconds(moment: datetime, now: datetime) -> float:
    return (now - moment).total_seconds()


def expected(table: Timetable, found: Scheduler, now: datetime) -> list[datetime]:
    """The newest slots of a schedule that must have been sent by now and would still be stored, newest first."""
    known = Known(now, found.first_send, found.cron_parsers)
    since = judged_since(table.set_on, known)
    if since is None:
        return []
    since = max(since, now - DAY + EARLIER)
    slots = due_slots(
        table.cron, table.timezone, table.kind, since=since, until=now - SETTLED, parsers=known.cron_parsers
    )
    return list(islice(slots, SLOTS_COMPARED))


def missed_slots(slots: Sequence[datetime], sent: frozenset[datetime]) -> list[datetime]:
    """Slots around which nothing was sent; of a dense schedule only those of several missed in a row.

    More patient than `bossctl.slots`, which tells each: a deployment is no alarm.
    """
    runs: list[list[datetime]] = [[]]
    for slot in slots:
        if any(slot - EARLIER <= one.astimezone(UTC) <= slot + LATER for one in sent):
            runs.append([])
        else:
            runs[-1].append(slot)
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(slots)]
    enough = MISSED_IN_A_ROW if gaps and min(gaps) < DENSE_SECONDS else 1
    return [slot for run in runs if len(run) >= enough for slot in run]


def _dead_case(
    tables: Sequence[Timetable], found: Scheduler, instances: Sequence[Worker] | None, now: datetime
) -> Case:
    alive = [one for one in instances or () if one.alive and one.schedule]
    proven = bool(instances) and not alive
    last = f"the last pass was {ago(found.cron_on, now)}" if found.cron_on else "no pass was ever made"
    registry = ""
    if instances:
        nobody = f"; of {some(len(instances), 'registered instance')} none is alive and schedules"
        registry = f"; {some(len(alive), 'live instance')} should" if alive else nobody
    return Case(
        queue=None,
        subject="cron",
        certainty=Certainty.PROVEN if proven else Certainty.LIKELY,
        count=len(tables),
        since=found.cron_on,
        message=f"nobody passes over {some(len(tables), 'schedule')}: {last}, where"
        f" {duration(CRON_SILENT_SECONDS)} is long{registry}",
        evidence=[_table_evidence(one) for one in tables[:SHOWN]],
        advice="run at least one pg-boss process with schedule on (the default; noScheduling in 8 and 9) and look at"
        " its error events. In 8 to 10 archive intervals under 60 s switch scheduling off. Slots missed meanwhile are"
        " not made up for",
        command=("schedule", "list"),
    )


def _table_evidence(one: Timetable) -> Mapping[str, EvidenceValue]:
    return {"queue": one.queue, "key": one.key, "cron": one.cron, "timezone": one.timezone, "set_on": one.set_on}


def _missed_case(table: Timetable, slots: Sequence[datetime], missed: Sequence[datetime]) -> Case:
    key = f" (key {table.key})" if table.key else ""
    return Case(
        queue=table.queue,
        subject=f"schedule {table.key}",
        certainty=Certainty.LIKELY,
        count=len(missed),
        since=missed[-1],
        message=f"{len(missed)} of the last {some(len(slots), 'slot')} of the schedule of queue {table.queue}{key}"
        f" ({table.cron}) sent no job, the newest at {minute(missed[0])}",
        evidence=[{"slot": slot, "sends": 0} for slot in missed[:SHOWN]],
        advice="no process with schedule on ran at that time, or it could not send; pg-boss does not make up for a"
        " slot: send the job by hand if it must run. 11.0.0 to 11.1.0 make one job a minute of several schedules of one"
        " queue",
        command=("schedule", "list"),
    )


def scheduler_queue_stalled(readings: Readings) -> Iterator[Case]:
    """At most one case."""
    found, now = readings[Scheduler], readings.ground.now
    if not found.waiting or found.oldest_waiting is None:
        return
    if found.last_taken is not None and _seconds(found.last_taken, now) <= found.patience_seconds:
        return
    taken = f"the last one was taken {ago(found.last_taken, now)}" if found.last_taken else "none was ever taken"
    many = found.waiting != 1
    yield Case(
        queue="__pgboss__send-it",
        subject="sends wait",
        certainty=Certainty.PROVEN,
        count=found.waiting,
        jobs=found.samples,
        since=found.oldest_waiting,
        message=f"{some(found.waiting, 'send')} of the scheduler {'wait' if many else 'waits'} in __pgboss__send-it and"
        f" nothing takes {'them' if many else 'it'}: the oldest was made {ago(found.oldest_waiting, now)}, {taken}",
        evidence=[
            {
                "waiting": found.waiting,
                "oldest": found.oldest_waiting,
                "last_taken": found.last_taken,
                "cron_on": found.cron_on,
            }
        ],
        advice="a process with schedule on takes these every few seconds: start one, or look at the error events of the"
        " one that runs; the jobs of these slots are not sent before",
        command=("job", "list", "queue:__pgboss__send-it is:due"),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK08",
        slug="schedule-not-firing",
        title="cron dead, or an expected slot produced no job",
        severity=Severity.ERROR,
        needs=(Scheduler, Supervision),
        what="Compares version.cron_on, which every pass over the schedules stamps, with the clock; and the newest"
        " slots of each schedule, at most 60 of the last day since it was set, with what the scheduler sent. One or two"
        " slots missed by a schedule that fires more often than every ten minutes are let pass; rules"
        " that bossctl cannot foretell are left out.",
        why="Scheduled work does not happen, and nothing fails: no error ever shows it.",
        confirm="bossctl schedule list shows when each fires and what it sent last.",
        fix="Run a process with schedule on; send by hand what must not be missing.",
        releases="all; proven where instances register (12.36.0 and newer), else likely",
        judge=schedule_not_firing,
    ),
    Check(
        code="STK13",
        slug="scheduler-queue-stalled",
        title="__pgboss__send-it rows are not taken",
        severity=Severity.ERROR,
        needs=(Scheduler,),
        what="Counts rows of the scheduler's own queue that wait for more than 2m while none was taken in that time.",
        why="Slots were found due, but their jobs are not sent: they come late or, once retention passes, never.",
        confirm="bossctl job list queue:__pgboss__send-it shows the rows.",
        fix="Run a process with schedule on that stays up, and look at its error events.",
        releases="all",
        judge=scheduler_queue_stalled,
    ),
)
