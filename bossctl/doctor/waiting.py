"""STK: open jobs that nobody takes, whose worker fell silent, or that maintenance removes before they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bossctl.doctor.check import JOBS_SHOWN, Case, Check, Readings
from bossctl.doctor.words import act_on, act_on_queue, ago, list_jobs, some
from bossctl.format import duration, timestamp
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import Supervision
from bossctl.models.readings_stuck import Backlog, Heartbeats, OpenGroup, OpenJob, OpenSymptom, OpenWork
from bossctl.models.workers import Worker

UNREGISTERED_WAIT_SECONDS = 600.0
"""How long due work may wait where nobody registers; where instances do, what counts as a backlog is enough."""

PATIENCE = 3.0
"""A queue whose jobs usually wait is slow, not forsaken, until they wait so many times longer."""

INTERNAL = "__pgboss__"
COMPLETION = "__state__completed__"


def no_worker(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    found, supervision, now = readings[OpenWork], readings[Supervision], readings.ground.now
    for backlog in found.backlogs:
        if not backlog.queue.startswith(INTERNAL) and _forsaken(backlog, supervision.instances, now):
            yield _no_worker_case(backlog, supervision.instances, now)


def _forsaken(backlog: Backlog, instances: Sequence[Worker] | None, now: datetime) -> bool:
    if any(one.alive and backlog.queue in one.queues for one in instances or ()):
        return False
    allowed = 0.0 if instances else UNREGISTERED_WAIT_SECONDS
    patience = max(allowed, PATIENCE * (backlog.pace.mean_wait_seconds or 0.0))
    if (now - backlog.oldest_due).total_seconds() <= patience:
        return False
    last = backlog.pace.last_started
    return last is None or (now - last).total_seconds() > max(patience, UNREGISTERED_WAIT_SECONDS)


def _no_worker_case(backlog: Backlog, instances: Sequence[Worker] | None, now: datetime) -> Case:
    queue, last = backlog.queue, backlog.pace.last_started
    set_aside = backlog.dead_letter or queue.startswith(COMPLETION)
    taken = f"the last one was taken {ago(last, now)}" if last else "none that is still stored was ever taken"
    kind = " (a dead letter queue)" if backlog.dead_letter else ""
    return Case(
        queue=queue,
        subject="no worker",
        certainty=Certainty.LIKELY,
        severity=Severity.INFO if set_aside else None,
        count=backlog.jobs,
        jobs=backlog.samples,
        since=backlog.oldest_due,
        message=f"{some(backlog.jobs, 'due job')} of queue {queue}{kind} {'waits' if backlog.jobs == 1 else 'wait'} and"
        f" nothing takes {'it' if backlog.jobs == 1 else 'them'}: the oldest was due"
        f" {ago(backlog.oldest_due, now)}, {taken}{_registered(instances)}{_removal(backlog, now)}",
        evidence=[_backlog_evidence(backlog, instances)],
        advice="start a process that calls work() for this queue, or find out why those that run do not; a consumer"
        " that calls fetch() by itself shows only when it takes a job",
        command=("worker", "list") if instances else list_jobs(queue, "due"),
    )


def _registered(instances: Sequence[Worker] | None) -> str:
    if not instances:
        return ""
    alive = sum(one.alive for one in instances)
    return f"; of {some(alive, 'live instance')} none works this queue" if alive else "; no instance is alive"


def _removal(backlog: Backlog, now: datetime) -> str:
    keep = backlog.first_keep_until
    return f"; retention removes the first {timestamp(keep)}" if keep and keep > now and keep.year < 9999 else ""


def _backlog_evidence(backlog: Backlog, instances: Sequence[Worker] | None) -> Mapping[str, EvidenceValue]:
    mean = backlog.pace.mean_wait_seconds
    return {
        "due": backlog.jobs,
        "oldest_due": backlog.oldest_due,
        "last_started": backlog.pace.last_started,
        "usual_wait_seconds": None if mean is None else round(mean, 1),
        "live_instances": None if instances is None else sum(one.alive for one in instances),
        "keep_until": backlog.first_keep_until,
    }


def heartbeat_stale(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    found, heartbeats = readings[OpenWork], readings[Heartbeats]
    for queue, groups in _by_queue(found, OpenSymptom.HEARTBEAT_MISSED).items():
        ignored = heartbeats.of_queues.get(queue) is None
        yield _heartbeat_case(queue, groups, found, ignored, readings.ground.now)


def _heartbeat_case(queue: str, groups: Sequence[OpenGroup], found: OpenWork, ignored: bool, now: datetime) -> Case:
    jobs, ids, rows = _told(groups, found)
    oldest = min((group.oldest_heartbeat for group in groups if group.oldest_heartbeat), default=None)
    last = f"; the oldest heartbeat was {ago(oldest, now)}" if oldest else ""
    return Case(
        queue=queue,
        subject="heartbeat stale",
        certainty=Certainty.PROVEN,
        count=jobs,
        jobs=ids,
        since=oldest,
        message=f"{some(jobs, 'job')} of queue {queue} {'is' if jobs == 1 else 'are'} active without a heartbeat for"
        f" more than {duration(found.grace_seconds)} beyond what is allowed, and nobody gave"
        f" {_them(jobs)} up{last}"
        + ("; the queue sets no heartbeat, and 12.12 to 12.25 ignore one that only the job has" if ignored else ""),
        evidence=[_heartbeat_evidence(row, now) for row in rows],
        advice="see that a pg-boss process with supervision on runs: its next pass fails or retries these jobs; the"
        " worker that took them is gone, frozen, or its event loop is blocked"
        + ("; set heartbeatSeconds on the queue or upgrade to 12.26.0 or newer" if ignored else "")
        + ". The command lets them run again at once",
        command=act_on_queue("retry", queue, "stuck"),
    )


def _heartbeat_evidence(row: OpenJob, now: datetime) -> Mapping[str, EvidenceValue]:
    silent = None if row.heartbeat_on is None else round((now - row.heartbeat_on).total_seconds(), 1)
    return {
        "id": row.id,
        "attempts": row.retry_count + 1,
        "started_on": row.started_on,
        "heartbeat_on": row.heartbeat_on,
        "silent_seconds": silent,
        "heartbeat_seconds": row.heartbeat_seconds,
        "expire_seconds": row.expire_seconds,
    }


def will_be_deleted_unrun(readings: Readings) -> Iterator[Case]:
    """One case per queue and reason."""
    yield from _removal_cases(readings, OpenSymptom.NEW_PAST_KEEPING, _PAST)
    yield from _removal_cases(readings, OpenSymptom.NEW_KEPT_TOO_SHORT, _TOO_SHORT)


def retried_but_doomed(readings: Readings) -> Iterator[Case]:
    """One case per queue and reason."""
    yield from _removal_cases(readings, OpenSymptom.AGAIN_PAST_KEEPING, _PAST)
    yield from _removal_cases(readings, OpenSymptom.AGAIN_KEPT_TOO_SHORT, _TOO_SHORT)
    found = readings[OpenWork]
    for queue, groups in _by_queue(found, OpenSymptom.ENDED_LONG_AGO).items():
        if not queue.startswith(INTERNAL):
            yield _ended_case(queue, groups, found, readings.ground.generation)


_PAST = "past keep_until"
_TOO_SHORT = "due after keep_until"


def _removal_cases(readings: Readings, symptom: OpenSymptom, subject: str) -> Iterator[Case]:
    found = readings[OpenWork]
    for queue, groups in _by_queue(found, symptom).items():
        if not queue.startswith(INTERNAL):
            yield _removal_case(queue, groups, found, subject, readings.ground.generation)


def _removal_case(queue: str, groups: Sequence[OpenGroup], found: OpenWork, subject: str, generation: str) -> Case:
    jobs, ids, rows = _told(groups, found)
    first = min((group.first_keep_until for group in groups if group.first_keep_until), default=None)
    again = any(
        group.symptoms & (OpenSymptom.AGAIN_PAST_KEEPING | OpenSymptom.AGAIN_KEPT_TOO_SHORT) for group in groups
    )
    told = "waiting to run again" if again else "waiting that never ran"
    why = (
        f"past keep_until: the next maintenance {_removes(generation)} {_them(jobs)}"
        if subject == _PAST
        else f"due only after keep_until: maintenance {_removes(generation)} {_them(jobs)} before"
    )
    return Case(
        queue=queue,
        subject=subject,
        certainty=Certainty.PROVEN if subject == _PAST else Certainty.LIKELY,
        count=jobs,
        jobs=ids,
        since=first,
        message=f"{some(jobs, 'job')} of queue {queue} {told} {'is' if jobs == 1 else 'are'} {why}"
        + (f"; the first keep_until is {timestamp(first)}" if first else ""),
        evidence=[_keeping_evidence(row) for row in rows],
        advice="have the work done before maintenance comes, or defer the jobs a little (bossctl job defer --by 1m):"
        " that moves keep_until along; a longer retention of the queue helps only what is sent from then on",
        command=act_on("defer", ids, "--by", "1m", of=jobs, otherwise=list_jobs(queue, "open")),
    )


def _them(jobs: int) -> str:
    return "it" if jobs == 1 else "them"


def _ended_case(queue: str, groups: Sequence[OpenGroup], found: OpenWork, generation: str) -> Case:
    jobs, ids, rows = _told(groups, found)
    stored = generation == "11-12"
    limit = "its deletion limit" if stored else "12h, after which 8 to 10 archive by default"
    return Case(
        queue=queue,
        subject="completed_on left set",
        certainty=Certainty.PROVEN if stored else Certainty.LIKELY,
        count=jobs,
        jobs=ids,
        since=min((row.completed_on for row in rows if row.completed_on), default=None),
        message=f"{some(jobs, 'job')} of queue {queue} {'waits or runs' if jobs == 1 else 'wait or run'} again with"
        f" completed_on still set, longer ago than {limit}: the next maintenance {_removes(generation)}"
        f" {_them(jobs)}",
        evidence=[_keeping_evidence(row) for row in rows],
        advice="set completed_on to NULL for these jobs by SQL, now; retry() of 10.3.0 to 12.25.1 leaves it set, so"
        " upgrade to 12.26.0 or newer",
        command=list_jobs(queue, "open"),
    )


def _removes(generation: str) -> str:
    return "deletes" if generation == "11-12" else "archives"


def _keeping_evidence(row: OpenJob) -> Mapping[str, EvidenceValue]:
    return {
        "id": row.id,
        "state": row.state,
        "created_on": row.created_on,
        "start_after": row.start_after,
        "keep_until": row.keep_until,
        "completed_on": row.completed_on,
        "deletion_seconds": row.deletion_seconds,
        "attempts": row.retry_count + (row.started_on is not None),
    }


def _by_queue(found: OpenWork, symptom: OpenSymptom) -> Mapping[str, list[OpenGroup]]:
    queues: dict[str, list[OpenGroup]] = defaultdict(list)
    for group in found.groups:
        if group.symptoms & symptom:
            queues[group.queue].append(group)
    return queues


def _told(groups: Sequence[OpenGroup], found: OpenWork) -> tuple[int, list[str], list[OpenJob]]:
    """How many jobs, the ids of some, and the rows of these."""
    ids = sorted({job_id for group in groups for job_id in group.samples})[:JOBS_SHOWN]
    queue = groups[0].queue
    rows = [found.evidence[queue, job_id] for job_id in ids if (queue, job_id) in found.evidence]
    return sum(group.jobs for group in groups), ids, rows


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK02",
        slug="heartbeat-stale",
        title="active, heartbeat older than allowed",
        severity=Severity.WARNING,
        needs=(OpenWork, Heartbeats),
        what="Counts active jobs whose last heartbeat is older than heartbeat_seconds by more than two maintenance"
        " intervals, so that nobody has acted on it.",
        why="The worker is gone or frozen, and the job neither runs nor is given to another one; with a singleton key"
        " or policy it blocks what comes after it.",
        confirm="bossctl job list is:stuck shows the jobs; bossctl worker list shows who is connected.",
        fix="Run a pg-boss process with supervision on; set heartbeatSeconds on the queue, since 12.12 to 12.25 ignore"
        " one that only the job has.",
        releases="12.12.0 and newer",
        judge=heartbeat_stale,
    ),
    Check(
        code="STK03",
        slug="no-worker",
        title="due work waits and nothing takes it",
        severity=Severity.WARNING,
        needs=(OpenWork, Supervision),
        what="Looks for queues whose oldest due job waits more than 10m (5m where instances register, 12.36 and newer)"
        " and more than three times as long as jobs of this queue usually do, of which none is at work and none was"
        " taken in that time, and which no live instance works. Blocked and deferred jobs and those whose key is held"
        " do not count; dead letter queues are told as info.",
        why="The work is not done, and nothing fails: no error ever shows it.",
        confirm="bossctl worker list shows who works which queue (12.36 and newer) or who is connected; bossctl job"
        " list is:due shows the jobs.",
        fix="Start a process that works the queue.",
        releases="all; 12.36.0 and newer by the registry",
        judge=no_worker,
    ),
    Check(
        code="STK09",
        slug="will-be-deleted-unrun",
        title="waiting work that retention will remove before it can run",
        severity=Severity.WARNING,
        needs=(OpenWork,),
        what="Counts jobs that wait, never ran, and whose keep_until has passed or lies before their due time.",
        why="Maintenance archives (8 to 10) or deletes (11 and newer) such jobs without running them: the work is lost"
        " silently.",
        confirm="bossctl job show ID shows start_after and keep_until.",
        fix="Give the queue workers that keep up, a longer retention, or defer by less than it.",
        releases="all",
        judge=will_be_deleted_unrun,
    ),
    Check(
        code="STK12",
        slug="retried-but-doomed",
        title="waits to run again with completed_on left set or keep_until past: maintenance will remove it first",
        severity=Severity.ERROR,
        needs=(OpenWork,),
        what="Counts jobs put back to run again whose keep_until has passed or lies before their due time, or whose"
        " completed_on was left set and lies beyond the limit after which maintenance removes finished jobs.",
        why="Whoever retried the job believes it will run; the next maintenance archives or deletes it instead.",
        confirm="bossctl job show ID shows keep_until and completed_on of a job that waits.",
        fix="Clear completed_on and move keep_until; upgrade to 12.26.0 or newer, whose retry() clears completed_on.",
        releases="all for keep_until; completed_on is left set by retry() of 10.3.0 to 12.25.1",
        judge=retried_but_doomed,
    ),
)
