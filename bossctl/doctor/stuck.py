"""STK: work that does not move, or that nobody moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bossctl.doctor.check import JOBS_SHOWN, Case, Check, Readings
from bossctl.doctor.words import act_on_queue, ago, some
from bossctl.format import duration
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import Ground, JobEvidence, Supervision, Symptom, SymptomGroup, Symptoms
from bossctl.models.workers import Worker

MAINTENANCE_SILENT_SECONDS = 600.0
"""8 to 10 maintain every two minutes by default."""

SUPERVISOR_SILENT_SECONDS = 300.0
"""11 and newer supervise every minute by default."""


def active_past_expiry(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    symptoms = readings[Symptoms]
    queues: dict[str, list[SymptomGroup]] = defaultdict(list)
    for group in symptoms.groups:
        if group.symptoms & Symptom.PAST_EXPIRY:
            queues[group.queue].append(group)
    for queue, groups in queues.items():
        yield _past_expiry_case(queue, groups, symptoms, readings.ground.now)


def _past_expiry_case(queue: str, groups: Sequence[SymptomGroup], symptoms: Symptoms, now: datetime) -> Case:
    ids = sorted({job_id for group in groups for job_id in group.samples})[:JOBS_SHOWN]
    rows = [symptoms.evidence[queue, job_id] for job_id in ids if (queue, job_id) in symptoms.evidence]
    jobs = sum(group.jobs for group in groups)
    oldest = min((group.first_on for group in groups if group.first_on), default=None)
    running = f"; the oldest was fetched {ago(oldest, now)}" if oldest else ""
    return Case(
        queue=queue,
        subject="active past expiry",
        certainty=Certainty.PROVEN,
        count=jobs,
        jobs=ids,
        since=oldest,
        message=f"{some(jobs, 'job')} of queue {queue} {'is' if jobs == 1 else 'are'} active more than"
        f" {duration(symptoms.grace_seconds)} past expiry and nobody expired {'it' if jobs == 1 else 'them'}{running}",
        evidence=[_overdue_evidence(row, now) for row in rows],
        advice="see that a pg-boss process with supervision on (the default) runs and reports no errors: its next pass"
        " fails or retries these jobs. The command lets them run again at once; a handler may still be at work on them",
        command=act_on_queue("retry", queue, "stuck"),
    )


def _overdue_evidence(row: JobEvidence, now: datetime) -> Mapping[str, EvidenceValue]:
    overdue = None
    if row.started_on is not None and row.expire_seconds is not None:
        overdue = round((now - row.started_on).total_seconds() - row.expire_seconds, 1)
    return {
        "id": row.id,
        "attempts": row.retry_count + 1,
        "started_on": row.started_on,
        "expire_seconds": row.expire_seconds,
        "overdue_seconds": overdue,
        "retry_limit": row.retry_limit,
    }


def supervisor_dead(readings: Readings) -> Iterator[Case]:
    """At most one case: nobody maintains a schema that holds jobs."""
    found, ground = readings[Supervision], readings.ground
    newest = max((at for at in found.stamps.values() if at is not None), default=None)
    if not found.jobs or (newest is None and not found.old_jobs):
        return
    if newest is not None and (ground.now - newest).total_seconds() <= _silence_allowed(found, ground):
        return
    alive = [one for one in found.instances or () if one.alive and one.supervise]
    registered = bool(found.instances) and not alive
    if not registered and found.backoff_until is not None and found.backoff_until > ground.now:
        return
    yield Case(
        queue=None,
        subject="supervisor",
        certainty=Certainty.PROVEN if registered else Certainty.LIKELY,
        count=1,
        since=newest,
        message=f"nobody maintains this schema: {_silence(newest, found, ground)}{_registry(found.instances, alive)}",
        evidence=[*_stamp_evidence(found, ground.now), *(_instance_evidence(one) for one in found.instances or ())][
            :20
        ],
        advice="run at least one pg-boss process with supervision on (supervise is true by default; noSupervisor in 8"
        " and 9) and look at its error events; without one nothing expires, is retried after an expiry, or is deleted",
        command=("worker", "list"),
    )


def _silence_allowed(found: Supervision, ground: Ground) -> float:
    usual = SUPERVISOR_SILENT_SECONDS if ground.generation == "11-12" else MAINTENANCE_SILENT_SECONDS
    return max(usual, 3 * (found.interval_seconds or 0))


def _silence(newest: datetime | None, found: Supervision, ground: Ground) -> str:
    if newest is None:
        return f"{' and '.join(found.stamps) or 'no stamp'} was never set, and there are jobs older than 10m"
    name = next(column for column, at in found.stamps.items() if at == newest)
    usual = duration(_silence_allowed(found, ground))
    return f"the last sign was {name} {ago(newest, ground.now)}, where {usual} is long"


def _registry(instances: Sequence[Worker] | None, alive: Sequence[Worker]) -> str:
    if instances is None:
        return ""
    if alive:
        return f"; {some(len(alive), 'live instance')} should, and its passes do not end"
    if not instances:
        return "; no instance is registered"
    return f"; of {some(len(instances), 'registered instance')} none is alive and supervises"


def _stamp_evidence(found: Supervision, now: datetime) -> Iterator[Mapping[str, EvidenceValue]]:
    for column, at in found.stamps.items():
        age = None if at is None else round((now - at).total_seconds(), 1)
        yield {"stamp": column, "at": at, "age_seconds": age}


def _instance_evidence(one: Worker) -> Mapping[str, EvidenceValue]:
    return {
        "instance": one.instance,
        "host": one.host,
        "release": one.release,
        "supervise": one.supervise,
        "alive": one.alive,
        "heartbeat_on": one.heartbeat_on,
        "stopped_on": one.stopped_on,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK01",
        slug="active-past-expiry",
        title="active, past its expiry, nobody expired it",
        severity=Severity.ERROR,
        needs=(Symptoms,),
        what="Counts active jobs whose started_on plus expiry lies more than two maintenance intervals back: twice"
        " 120 s in 8 to 10, twice 60 s from 11 on, or what live instances register (12.36 and newer).",
        why="A job whose worker is gone stays active for ever unless maintenance expires it: its work is not done, and"
        " with a singleton key or policy it blocks what comes after it.",
        confirm="bossctl job list is:stuck shows the jobs; bossctl info shows when maintenance last ran.",
        fix="Run a pg-boss process with supervision on, and look at its error events if one runs.",
        releases="all",
        judge=active_past_expiry,
    ),
    Check(
        code="STK07",
        slug="supervisor-dead",
        title="nobody runs maintenance or monitoring",
        severity=Severity.ERROR,
        needs=(Supervision,),
        what="Compares the stamps that supervising processes leave (version.maintained_on in 8 to 10; the queues'"
        " monitor stamps and version.flow_on from 11 on) with the clock, and where instances register (12.36 and newer)"
        " asks whether one that supervises is alive. An empty schema and one just installed need nobody.",
        why="Without a supervisor no job expires, dead workers' jobs stay active, flows stay blocked, finished jobs are"
        " never removed and the counters freeze.",
        confirm="bossctl info shows the ages; bossctl worker list shows who is connected.",
        fix="Start at least one process with supervise on (the default), or call supervise() or maintain() on a timer.",
        releases="all; proven where instances register (12.36.0 and newer), else likely, since intervals are unknown",
        judge=supervisor_dead,
    ),
)
