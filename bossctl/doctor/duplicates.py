"""DUP: work that ran, or may have run, more often than it was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.grouped import by_queue, ids, job_evidence, rows, standing
from bossctl.doctor.words import list_jobs, listed, minute, some
from bossctl.format import duration
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import (
    DoubledSchedule,
    JobEvidence,
    ScheduleSends,
    Slot,
    Symptom,
    SymptomGroup,
    Symptoms,
)
from bossctl.slots import several_a_minute

MINUTES_TOLD = 3

_SENT_TWICE = {
    "10": ("10.0.0 to 10.0.6", "10.1.0"),
    "11-12": ("11.0.0 to 11.0.2", "11.0.3"),
}


def slot_sent_twice(readings: Readings) -> Iterator[Case]:
    """One case per schedule with doubled minutes."""
    for schedule in readings[ScheduleSends].doubled:
        if not several_a_minute(schedule.cron):
            yield _doubled_case(schedule, readings.ground.generation)


def _doubled_case(schedule: DoubledSchedule, generation: str) -> Case:
    newest_first = sorted(schedule.shown, key=lambda slot: slot.minute, reverse=True)
    jobs = dict.fromkeys(job for slot in newest_first for send in slot.sends for job in send.jobs)
    affected, fixed = _SENT_TWICE.get(generation, (None, None))
    bug = f"pg-boss {affected} did this; {fixed} does not" if affected else "no release of 8 or 9 is known to do this"
    advice = f"upgrade every pg-boss process to {fixed} or newer; " if fixed else ""
    return Case(
        queue=schedule.queue,
        subject=f"schedule {schedule.key}",
        certainty=Certainty.PROVEN,
        count=schedule.sends,
        jobs=tuple(jobs),
        since=schedule.first_minute,
        message=f"{_doubled_words(schedule)} ({bug})",
        evidence=[_slot_evidence(slot) for slot in newest_first],
        advice=f"{advice}until then let the scheduled job only send the real work, with a singletonKey and"
        " singletonSeconds: 60, which holds most of it back",
        command=list_jobs(schedule.queue),
    )


def _doubled_words(schedule: DoubledSchedule) -> str:
    key = f" key {schedule.key!r}" if schedule.key else ""
    cron = f" ({schedule.cron})" if schedule.cron else ", which is no longer scheduled,"
    many = f"was sent more than once in {schedule.doubled:,} of {some(schedule.slots_seen, 'minute')}"
    when = _when(schedule)
    surplus = f"{some(schedule.surplus, 'job')} too many"
    return f"the schedule of queue {schedule.queue}{key}{cron} {many}, {when}: {surplus}"


def _when(schedule: DoubledSchedule) -> str:
    if schedule.doubled <= MINUTES_TOLD:
        return f"at {listed(minute(slot.minute) for slot in schedule.shown)}"
    return f"between {minute(schedule.first_minute)} and {minute(schedule.last_minute)}"


def _slot_evidence(slot: Slot) -> Mapping[str, EvidenceValue]:
    first, last = slot.sends[0].sent_on, slot.sends[-1].sent_on
    jobs = tuple(dict.fromkeys(job for send in slot.sends for job in send.jobs))
    return {
        "slot": minute(slot.minute),
        "sends": len(slot.sends),
        "due": slot.due,
        "first_sent_on": first,
        "last_sent_on": last,
        "apart_seconds": round((last - first).total_seconds(), 3),
        "send_ids": tuple(send.id for send in slot.sends),
        "jobs": jobs,
        "some_jobs_of_like_schedules": len(jobs) > len(slot.sends),
    }


@dataclass(frozen=True)
class _Signature:
    """One way in which an expiry shows in a row, how sure it makes us, and what to do about it."""

    name: str
    symptoms: Symptom
    certainty: Certainty
    told: str
    advice: str
    only: str | None = None


_LONGER = (
    "let the queue's expiry outlast its longest run, have the handler stop on job.signal (12.4 and newer), use"
    " heartbeats (12.12 and newer) and make the work safe to repeat"
)

_SIGNATURES: tuple[_Signature, ...] = (
    _Signature(
        "handler-exceeded",
        Symptom.OVERRAN,
        Certainty.PROVEN,
        "failed by expiry while the handler had not returned",
        _LONGER,
    ),
    _Signature(
        "timer-overflow",
        Symptom.OVERFLOWED,
        Certainty.PROVEN,
        "failed at once, while the handler had only begun, because an expiry over 24.8 days overflows the timer",
        "use an expiry below 24 days for these jobs",
    ),
    _Signature(
        "timed-out",
        Symptom.TIMED_OUT,
        Certainty.LIKELY,
        "failed by maintenance because they stayed active past their expiry",
        f"find out whether the worker died or was only slow; {_LONGER}",
    ),
    _Signature(
        "expired-unrecorded",
        Symptom.EXPIRED | Symptom.SILENT_RETRY,
        Certainty.LIKELY,
        "expired by maintenance, which 8 and 9 do without a word in the row",
        f"find out whether the worker died or was only slow; {_LONGER}",
        only="8-9",
    ),
)


def ran_past_expiry(readings: Readings) -> Iterator[Case]:
    """One case per queue and signature."""
    symptoms = readings[Symptoms]
    for signature in _SIGNATURES:
        if signature.only in (None, readings.ground.generation):
            for queue, groups in by_queue(symptoms.groups, signature.symptoms).items():
                yield _expiry_case(queue, signature, groups, symptoms.evidence)


def _expiry_case(
    queue: str,
    signature: _Signature,
    groups: Sequence[SymptomGroup],
    evidence: Mapping[tuple[str, str], JobEvidence],
) -> Case:
    shown = rows(groups, evidence)
    jobs = sum(group.jobs for group in groups)
    verb = "was" if jobs == 1 else "were"
    limits = sorted({row.expire_seconds for row in shown if row.expire_seconds is not None})
    limit = f" (expiry {listed(duration(each) for each in limits[:3])})" if limits else ""
    attempts = max(group.attempts for group in groups)
    return Case(
        queue=queue,
        subject=signature.name,
        certainty=signature.certainty,
        count=jobs,
        jobs=ids(groups),
        since=min((group.first_on for group in groups if group.first_on), default=None),
        message=f"{some(jobs, 'job')} of queue {queue} {verb} {signature.told}{limit}; {standing(groups)};"
        f" fetched up to {some(attempts, 'time')}",
        evidence=[job_evidence(row) for row in shown],
        advice=signature.advice,
        command=list_jobs(queue, "rerun"),
    )


def reruns(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    symptoms = readings[Symptoms]
    for queue, groups in by_queue(symptoms.groups, Symptom.RERUN | Symptom.RESUMED).items():
        completed = sum(group.jobs for group in groups if group.symptoms & Symptom.RERUN)
        resumed = sum(group.jobs for group in groups if group.symptoms & Symptom.RESUMED)
        told = [f"{some(completed, 'job')} completed after more than one attempt"] if completed else []
        told += [f"{some(resumed, 'job')} had been fetched and wait again as if new"] if resumed else []
        attempts = max(group.attempts for group in groups)
        yield Case(
            queue=queue,
            subject="reruns",
            certainty=Certainty.PROVEN,
            count=completed + resumed,
            jobs=ids(groups),
            since=min((group.first_on for group in groups if group.first_on), default=None),
            message=f"in queue {queue} {listed(told)} (up to {some(attempts, 'attempt')}); why is no longer told",
            evidence=[job_evidence(row) for row in rows(groups, symptoms.evidence)],
            advice="if these should run only once, look for the failures in the application's log; a completion"
            " overwrites what the row knew of them",
            command=list_jobs(queue, "rerun"),
        )


CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP01",
        slug="schedule-slot-sent-twice",
        title="one cron slot of one schedule produced more than one job",
        severity=Severity.ERROR,
        needs=(ScheduleSends,),
        what="Looks for rows of the queue __pgboss__send-it that carry no throttling slot (singleton_on is NULL) and"
        " counts them per schedule and minute, in the archive too. Schedules that look alike in their sends are allowed"
        " one send each, and so are the several runs a minute of a cron with a list of seconds.",
        why="The scheduler sends what is due in the current minute on every pass, each 30 seconds, and nothing held the"
        " second send back: the work of one cron slot was done twice, by jobs that both look normal.",
        confirm="Compare the jobs named in the evidence: different ids, same data, retry_count 0, created about 30 s"
        " apart within one minute.",
        fix="Upgrade every pg-boss process: to 10.1.0 or newer from 10.0.x, to 11.0.3 or newer from 11.0.0 to 11.0.2."
        " Until then let the scheduled job only send the real work, with a singletonKey and singletonSeconds: 60 (these"
        " releases ignore such options on the schedule itself).",
        releases="10.0.0 to 10.0.6 (fixed in 10.1.0), 11.0.0 to 11.0.2 (fixed in 11.0.3)",
        judge=slot_sent_twice,
    ),
    Check(
        code="DUP02",
        slug="ran-past-expiry",
        title="expired while its handler may have been running, then run again",
        severity=Severity.WARNING,
        needs=(Symptoms,),
        what="Looks at jobs that wait, run or ended after a further attempt and whose recorded reason is an expiry: the"
        " worker's 'handler execution exceeded', maintenance's 'job timed out', or 8/9's silent expiry.",
        why="An expired job is handed out again although nothing stops its first handler, so the work can be done"
        " twice, even at the same time.",
        confirm="Compare the handler's usual run time with expire_seconds of the jobs named; the application's log"
        " shows two runs of one id.",
        fix="Set the queue's expiry above its longest run, use heartbeats (12.12 and newer), stop on job.signal (12.4"
        " and newer), make the handler safe to repeat.",
        releases="all; the worker holds its slot on an overrun in 12.38.0, other processes still overlap",
        judge=ran_past_expiry,
    ),
    Check(
        code="DUP16",
        slug="reruns",
        title="jobs fetched more than once, cause no longer in the row",
        severity=Severity.INFO,
        needs=(Symptoms,),
        what="Counts completed jobs with retry_count above 0 and new ones that had been fetched before.",
        why="A completion overwrites the failure that came before it: the row proves that the work began more than once"
        " and no longer says why. Most of these are honest retries.",
        confirm="Read the application's log for the ids named.",
        fix="Nothing, if the work may be repeated; otherwise set the queue's retry limit to 0 or make the handler safe"
        " to repeat.",
        releases="all",
        judge=reruns,
    ),
)
