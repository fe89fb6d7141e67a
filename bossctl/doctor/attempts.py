"""DUP: what the row of a job that runs again tells of the attempt before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.grouped import by_queue, ids, job_evidence, rows, standing
from bossctl.doctor.words import list_jobs, some
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings import Symptom, SymptomGroup, Symptoms
from bossctl.models.readings_era import Shutdowns
from bossctl.models.readings_stuck import Heartbeats

_SAFE = "make the work safe to repeat"


@dataclass(frozen=True)
class _Told:
    """How one symptom is told: `what` follows "2 jobs of queue mail were"."""

    subject: str
    certainty: Certainty
    what: str
    advice: str
    severity: Severity | None = None


def _case(queue: str, groups: Sequence[SymptomGroup], symptoms: Symptoms, told: _Told) -> Case:
    jobs = sum(group.jobs for group in groups)
    attempts = max(group.attempts for group in groups)
    return Case(
        queue=queue,
        subject=told.subject,
        certainty=told.certainty,
        severity=told.severity,
        count=jobs,
        jobs=ids(groups),
        since=min((group.first_on for group in groups if group.first_on), default=None),
        message=f"{some(jobs, 'job')} of queue {queue} {'was' if jobs == 1 else 'were'} {told.what};"
        f" {standing(groups)}; fetched up to {some(attempts, 'time')} so far",
        evidence=[job_evidence(row) for row in rows(groups, symptoms.evidence)],
        advice=told.advice,
        command=list_jobs(queue, "rerun"),
    )


def _cases(readings: Readings, symptom: Symptom, told: _Told) -> Iterator[Case]:
    symptoms = readings[Symptoms]
    for queue, groups in by_queue(symptoms.groups, symptom).items():
        yield _case(queue, groups, symptoms, told)


def _where(
    groups: Iterable[SymptomGroup], wanted: Callable[[SymptomGroup], bool]
) -> Mapping[str, Sequence[SymptomGroup]]:
    found: dict[str, list[SymptomGroup]] = defaultdict(list)
    for group in groups:
        if wanted(group):
            found[group.queue].append(group)
    return found


def heartbeat_lost(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    return _cases(readings, Symptom.HEARTBEAT_LOST, _HEARTBEAT)


_HEARTBEAT = _Told(
    "heartbeat",
    Certainty.LIKELY,
    "failed because no heartbeat came, which a dead worker causes and a busy one too",
    "find out whether the worker died or only did not get to beat (a blocked event loop, a suspended machine): if it"
    f" lived, set a longer heartbeatSeconds or block the event loop for less; {_SAFE}",
)


def ran_after_completion(readings: Readings) -> Iterator[Case]:
    """Two cases per queue at most: what had a result is worse than what had failed."""
    symptoms, old = readings[Symptoms], readings.ground.generation == "8-9"

    def had_result(group: SymptomGroup) -> bool:
        return bool(group.symptoms & Symptom.RESULT and (old or group.symptoms & Symptom.FINISHED_BEFORE))

    def had_ended(group: SymptomGroup) -> bool:
        return bool(group.symptoms & Symptom.FINISHED_BEFORE) and not had_result(group)

    for queue, groups in _where(symptoms.groups, had_result).items():
        yield _case(queue, groups, symptoms, _COMPLETED)
    for queue, groups in _where(symptoms.groups, had_ended).items():
        yield _case(queue, groups, symptoms, _ENDED)


_COMPLETED = _Told(
    "result before",
    Certainty.LIKELY,
    "put back after a result that is no error was recorded",
    "find who puts finished jobs back: resume() does it on 8 and 9, on newer releases only a statement that writes the"
    f" table; {_SAFE}",
)
_ENDED = _Told(
    "ended before",
    Certainty.PROVEN,
    "put back by hand after it had ended, failed as far as the row tells",
    "nothing, if somebody retried these on purpose; up to 12.25 retry() leaves completed_on set, and maintenance may"
    " then remove the job before it runs",
    Severity.INFO,
)


def shutdown_rerun(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    return _cases(readings, Symptom.SHUT_DOWN, _SHUTDOWN)


_SHUTDOWN = _Told(
    "shutdown",
    Certainty.LIKELY,
    "given back because pg-boss was stopped while the handler ran, and nothing stops a handler",
    f"give stop() a timeout longer than the longest run, and let the process end only after it; {_SAFE}",
)


def lost_completion(readings: Readings) -> Iterator[Case]:
    """Two cases per queue at most."""
    yield from _cases(readings, Symptom.COMPLETION_FAILED, _COMPLETION)
    yield from _cases(readings, Symptom.DATABASE_ERROR, _DATABASE)


_COMPLETION = _Told(
    "completion",
    Certainty.LIKELY,
    "failed by an error of PostgreSQL thrown by complete(), so the handler had done its work",
    f"look at the reason recorded and at the server's log of that time; {_SAFE}, or let the handler commit its work and"
    " the completion together (12.32 and newer: a transactional worker)",
)
_DATABASE = _Told(
    "database error",
    Certainty.POSSIBLE,
    "failed by an error of PostgreSQL, the handler's own or that of its completion",
    "see whether the handler itself sends such statements: if not, its work was done and only the completion failed;"
    f" {_SAFE}",
    Severity.INFO,
)


def evidence_erased(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    symptoms = readings[Symptoms]
    for queue, groups in _where(symptoms.groups, lambda group: bool(group.symptoms & Symptom.RESET)).items():
        yield _case(queue, groups, symptoms, _RESET)


_RESET = _Told(
    "counters",
    Certainty.PROVEN,
    "ended before (completed_on is set) with a retry_count of 0 and no start left: how often it ran is unknown",
    "find the tool or statement that sets retry_count and started_on; pg-boss itself never does that to a job that has"
    " ended",
)

CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP03",
        slug="heartbeat-lost-rerun",
        title="heartbeat missed, run again while the first worker may live",
        severity=Severity.WARNING,
        needs=(Heartbeats, Symptoms),
        what="Looks at jobs that wait, run or ended after a further attempt and whose recorded reason is 'job heartbeat"
        " timeout'.",
        why="A worker whose event loop is blocked or whose machine sleeps sends no heartbeat and may still finish its"
        " work, while the job is handed out again.",
        confirm="Look in the application's log for a worker that finished these ids after its heartbeat was missed.",
        fix="Set heartbeatSeconds above the longest pause of the event loop, move blocking work to a thread, make the"
        " handler safe to repeat.",
        releases="12.12.0 and newer",
        judge=heartbeat_lost,
    ),
    Check(
        code="DUP04",
        slug="ran-after-completion",
        title="finished, then started again",
        severity=Severity.ERROR,
        needs=(Symptoms,),
        what="Looks at jobs that wait or run although completed_on is set or, on 8 and 9, although a result is recorded"
        " that is no error. Jobs that had failed and were retried by hand are told as info. A watch (--watch) proves it"
        " by comparing two looks at the same row.",
        why="Completed work is done again: whatever it paid, mailed or wrote, it does twice.",
        confirm="bossctl job show ID shows the result of the earlier run.",
        fix="Find who puts finished jobs back: resume() on 8 and 9, a statement on the table on newer releases.",
        releases="all; 8 and 9 let resume() put back what had completed",
        judge=ran_after_completion,
    ),
    Check(
        code="DUP09",
        slug="shutdown-rerun",
        title="given back by a shutdown while the handler may have gone on",
        severity=Severity.WARNING,
        needs=(Shutdowns, Symptoms),
        what="Looks at jobs that wait to run again or run again and whose recorded reason is 'pg-boss shut down while"
        " active'.",
        why="stop() waits for handlers only as long as its timeout says, then gives their jobs back; the handler itself"
        " runs on until the process ends, so the work can be done twice.",
        confirm="Compare the usual run time of the queue with the timeout given to stop() and with how long the process"
        " manager waits before it kills.",
        fix="Give stop() a longer timeout, and the process manager a longer one; make the handler safe to repeat.",
        releases="10.0.0 and newer",
        judge=shutdown_rerun,
    ),
    Check(
        code="DUP10",
        slug="rerun-after-lost-completion",
        title="the work may be done but its completion failed, so it ran or will run again",
        severity=Severity.WARNING,
        needs=(Symptoms,),
        what="Looks at jobs that wait to run again or run again and whose recorded reason is an error of PostgreSQL"
        " (code, severity and routine). Where the recorded stack names complete(), the handler had returned; else it is"
        " told as info, because the handler may have sent the statement itself.",
        why="When complete() fails, pg-boss fails the job although its handler returned; a retry does it all again.",
        confirm="Read the reason in the evidence: does the handler send such a statement?",
        fix="Mend what the reason names, make the handler safe to repeat, or use a transactional worker (12.32 and"
        " newer).",
        releases="8, 9, 11 and newer; 10.x does not wait for complete(), which leaves DUP02 instead",
        judge=lost_completion,
    ),
    Check(
        code="DUP11",
        slug="evidence-erased",
        title="a tool reset the counters; the true number of runs is unknown",
        severity=Severity.INFO,
        needs=(Symptoms,),
        what="Looks at jobs that wait or run with completed_on set and retry_count 0, and never started or in their"
        " first attempt, if one believes the row.",
        why="retry_count and started_on are the only trace of how often a job ran; a tool that resets them hides"
        " duplicates from every check.",
        confirm="Ask what wrote to the table: dashboards that requeue jobs by an UPDATE do this.",
        fix="Requeue with pg-boss's own retry() or with a tool that leaves the counters alone.",
        releases="all",
        judge=evidence_erased,
    ),
)
