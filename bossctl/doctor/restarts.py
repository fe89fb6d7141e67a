"""Jobs seen to start again between two looks: proof that no single look at the rows can give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bossctl.doctor.catalogue import CHECKS
from bossctl.doctor.check import JOBS_SHOWN, Case, Check, Judge, Readings
from bossctl.doctor.words import list_jobs, some
from bossctl.format import timestamp
from bossctl.models.findings import Certainty, EvidenceValue
from bossctl.models.watch import JobSeen, Sample

REMEMBERED = 100_000
"""How many jobs are kept in mind between looks."""

SUBJECT = "seen by watch"


@dataclass(frozen=True)
class Restart:
    """A job that was seen active or completed, and then seen to have been fetched again."""

    code: str
    before: JobSeen
    now: JobSeen


@dataclass(frozen=True)
class Tally:
    """All restarts of one queue that one check tells of: how many, since when, and the last of them."""

    code: str
    queue: str
    restarts: int
    recorded: int
    first_on: datetime | None
    shown: tuple[Restart, ...]

    def with_one(self, restart: Restart) -> Tally:
        """One more."""
        return replace(
            self,
            restarts=self.restarts + 1,
            recorded=self.recorded + (restart.now.reason is not None),
            first_on=self.first_on or restart.now.started_on,
            shown=(*self.shown, restart)[-JOBS_SHOWN:],
        )


@dataclass(frozen=True)
class Restarts:
    """Every restart seen so far, by check and queue."""

    tallies: tuple[Tally, ...] = ()

    def with_more(self, found: Sequence[Restart]) -> Restarts:
        """With what a look found."""
        tallies = {(one.code, one.queue): one for one in self.tallies}
        for restart in found:
            key = restart.code, restart.now.queue
            tallies[key] = tallies.get(key, Tally(*key, 0, 0, None, ())).with_one(restart)
        return Restarts(tuple(tallies.values()))


@dataclass(frozen=True)
class Memory:
    """The last look at each job, oldest first, by queue and id; `forgotten` counts those that had to go."""

    jobs: Mapping[tuple[str, str], JobSeen]
    forgotten: int = 0

    def with_sample(self, sample: Sample, limit: int = REMEMBERED) -> Memory:
        """What is kept in mind after a sample; the oldest go where it is too much."""
        jobs = dict(self.jobs)
        for job in sample.jobs:
            jobs.pop((job.queue, job.id), None)
            jobs[job.queue, job.id] = job
        surplus = max(0, len(jobs) - limit)
        for key in list(jobs)[:surplus]:
            del jobs[key]
        return Memory(jobs, self.forgotten + surplus)


def restarts(memory: Memory, sample: Sample) -> tuple[Restart, ...]:
    """The jobs of a sample that were fetched again since they were last seen.

    Only a fetch sets started_on, so a later one is proof. A row with another created_on is another job that was given
    the same id.
    """
    seen = ((memory.jobs.get((now.queue, now.id)), now) for now in sample.jobs)
    pairs = ((before, now, _code(before, now)) for before, now in seen if before is not None)
    return tuple(Restart(code, before, now) for before, now, code in pairs if code)


def _code(before: JobSeen, now: JobSeen) -> str | None:
    if now.started_on is None or before.created_on != now.created_on:
        return None
    if before.started_on is not None and now.started_on <= before.started_on:
        return None
    if before.state == "active":
        return "DUP02" if _expired(now.reason or "") else "DUP16"
    return "DUP04" if before.state == "completed" else None


def _expired(reason: str) -> bool:
    by_maintenance = reason in ("job timed out", "job failed by timeout in active state")
    return by_maintenance or reason.startswith("handler execution exceeded ")


def _cases(readings: Readings, code: str) -> Iterator[tuple[Case, Tally, Restart]]:
    """A case without its words for every queue, with what to say in them."""
    for tally in readings[Restarts].tallies:
        if tally.code == code:
            case = Case(
                queue=tally.queue,
                subject=SUBJECT,
                certainty=Certainty.PROVEN,
                count=tally.restarts,
                jobs=tuple(dict.fromkeys(one.now.id for one in reversed(tally.shown))),
                since=tally.first_on,
                message="",
                evidence=[_evidence(one) for one in reversed(tally.shown)],
                advice="",
                command=list_jobs(tally.queue, "rerun"),
            )
            yield case, tally, tally.shown[-1]


def _evidence(one: Restart) -> Mapping[str, EvidenceValue]:
    return {
        "id": one.now.id,
        "seen_on": one.before.at,
        "state_seen": one.before.state,
        "started_on": one.before.started_on,
        "completed_on": one.before.completed_on,
        "retry_count": one.before.retry_count,
        "started_again_on": one.now.started_on,
        "state_after": one.now.state,
        "retry_count_after": one.now.retry_count,
        "reason": one.now.reason,
    }


def _again(tally: Tally, how: str, last: Restart) -> str:
    """`watching queue mail, a job started again 2 times …; the last was 7a9d… at 2026-01-02 03:04:05Z`."""
    times = some(tally.restarts, "time")
    started = timestamp(last.now.started_on)
    return f"watching queue {tally.queue}, a job started again {times} {how}; the last was {last.now.id} at {started}"


def _ran_after_completion(readings: Readings) -> Iterator[Case]:
    for case, tally, last in _cases(readings, "DUP04"):
        told = _again(tally, "after it had been seen completed", last)
        yield replace(
            case,
            message=f"{told}, completed {timestamp(last.before.completed_on)}",
            advice="find who puts finished jobs back: resume() does it on 8 and 9, on newer releases only a statement"
            " that writes the table; make the work safe to repeat",
        )


def _ran_past_expiry(readings: Readings) -> Iterator[Case]:
    for case, tally, last in _cases(readings, "DUP02"):
        told = _again(tally, "after it had been seen active and then expired", last)
        yield replace(
            case,
            message=f'{told}, seen active {timestamp(last.before.at)} and ended by "{last.now.reason}"',
            advice="let the queue's expiry outlast its longest run, have the handler stop on job.signal (12.4 and"
            " newer), use heartbeats (12.12 and newer) and make the work safe to repeat",
        )


def _fetched_again(readings: Readings) -> Iterator[Case]:
    for case, tally, last in _cases(readings, "DUP16"):
        told = _again(tally, "after it had been seen active", last)
        why = f"{tally.recorded:,} of these after a recorded failure" if tally.recorded else "no row says why"
        yield replace(
            case,
            message=f"{told}; {why}",
            advice="if these should run only once, look for the failures in the application's log; a completion"
            " overwrites what the row knew of them",
        )


def _watched(code: str, judge: Judge) -> Check:
    """The catalogue's check of that code, judging what was watched instead."""
    check = next(one for one in CHECKS if one.code == code)
    return replace(check, needs=(Restarts,), judge=judge)


WATCHED: tuple[Check, ...] = (
    _watched("DUP02", _ran_past_expiry),
    _watched("DUP04", _ran_after_completion),
    _watched("DUP16", _fetched_again),
)
"""The checks that a watch adds to; their findings are proven and stand for as long as it goes on."""
