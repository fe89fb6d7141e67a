"""Models as the JSON objects the contract names. Pure; keys here are an interface."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bossctl.cli.document import JsonText

if TYPE_CHECKING:
    from bossctl.doctor.check import Check
    from bossctl.models.common import Count, Payload, Target
    from bossctl.models.findings import Finding, Report
    from bossctl.models.jobactions import ActionOutcome, ActionPlan, Operation
    from bossctl.models.jobs import Job, JobRow
    from bossctl.models.operations import EnsureResult, QueueDeletion
    from bossctl.models.queues import Queue, QueueDetail
    from bossctl.models.schedules import ScheduleRecord
    from bossctl.models.schema import Info
    from bossctl.models.workers import Worker

Shape = dict[str, Any]
JOB_KEYS = (
    *("id", "queue", "state", "priority", "retry_count", "retry_limit", "created_on", "start_after", "started_on"),
    *("completed_on", "keep_until", "singleton_key", "dead_letter", "archived"),
)
OPERATION_KEYS = ("operation", "action", "at", "by", "target", "selector", "changed", "undone", "where")
SCHEDULE_KEYS = ("queue", "key", "cron", "timezone", "kind", "next", "last_job", "missed")
SCHEDULE_RUNS = 3
ENSURED_KEYS = ("queue", "action", "applied", "changes", "reason")
WORKER_KEYS = ("instance", "host", "pid", "release", "queues", "heartbeat_age_seconds", "alive", "source")


def count(value: Count) -> Shape:
    """A number with its truth."""
    return {"value": value.value, "truth": value.truth.value, "age_seconds": rounded(value.age_seconds)}


def rounded(seconds: float | None) -> float | None:
    """Seconds to the millisecond."""
    return None if seconds is None else round(seconds, 3)


def payload(value: Payload) -> JsonText | None:
    """The database's own JSON text, or None for SQL NULL."""
    return None if value.text is None else JsonText(value.text)


def target(value: Target) -> Shape:
    """Where we are connected."""
    keys = ("host", "port", "database", "user", "schema", "source", "context", "read_only")
    return {key: getattr(value, key) for key in keys}


def queue(value: Queue) -> Shape:
    """One queue, its options spelled as in the ensure file."""
    return {
        "queue": value.name,
        **value.options,
        "counts": {state: count(number) for state, number in value.counts.items()},
        "oldest_due_seconds": rounded(value.oldest_due_seconds),
        "failed_last_hour": count(value.failed_last_hour),
        "dead_letter": value.dead_letter,
        "storage": value.storage,
    }


def queue_detail(value: QueueDetail) -> Shape:
    """One queue with what surrounds it."""
    return {
        **queue(value.queue),
        "deferred": count(value.queue.extra["deferred"]) if "deferred" in value.queue.extra else None,
        "blocked": count(value.queue.extra["blocked"]) if "blocked" in value.queue.extra else None,
        "ready": count(value.queue.extra["ready"]) if "ready" in value.queue.extra else None,
        "failed_last_day": count(value.failed_last_day),
        "completed_last_hour": count(value.completed_last_hour),
        "feeds": value.feeds,
        "schedules": value.schedules,
        "table": value.queue.table,
        "total_bytes": value.total_bytes,
        "implicit": value.queue.implicit,
        "created_on": value.queue.created_on,
        "updated_on": value.queue.updated_on,
        "monitor_age_seconds": rounded(value.queue.monitor_age_seconds),
    }


def job_row(value: JobRow) -> Shape:
    """A job as lists show it."""
    return {key: getattr(value, key) for key in JOB_KEYS}


def job(value: Job) -> Shape:
    """A job with every field its schema has, payload and output unchanged."""
    own = job_row(value.row) | {"blocked": value.row.blocked}
    more: Shape = {key: field for key, field in value.fields.items() if key not in own}
    if isinstance(source := more.get("source_output"), str):
        more["source_output"] = JsonText(source)
    return own | more | {"data": payload(value.data), "output": payload(value.output)}


def schedule(value: ScheduleRecord) -> Shape:
    """A schedule; `next` is null when no run can be told, `missed` and `doubled` when they cannot be known."""
    one, last = value.schedule, value.schedule.last_job
    return {
        "queue": one.queue,
        "key": one.key,
        "cron": one.cron,
        "timezone": one.timezone,
        "kind": one.kind,
        "next": value.next[:SCHEDULE_RUNS] or None,
        "last_job": None
        if last is None
        else {"id": last.id, "queue": last.queue, "state": last.state, "created_on": last.created_on},
        "missed": value.missed,
        "doubled": value.doubled,
        "slots_seen": value.looked,
    }


def worker(value: Worker) -> Shape:
    """A pg-boss process; the contract's keys first."""
    first = {key: getattr(value, key) for key in WORKER_KEYS}
    first["heartbeat_age_seconds"] = rounded(value.heartbeat_age_seconds)
    more = ("name", "heartbeat_on", "heartbeat_seconds", "application_name", "started_on", "stopped_on")
    flags = ("supervise", "schedule", "sessions", "active", "details")
    return first | {key: getattr(value, key) for key in (*more, *flags)}


def info(value: Info) -> Shape:
    """The server, the schema and what it can do."""
    server = ("version", "version_num", "standby", "now", "started_on")
    pgboss = ("schema_number", "releases", "generation", "layout", "note")
    return {
        "target": target(value.target),
        "server": {key: getattr(value.server, key) for key in server},
        "schema": value.target.schema,
        "pgboss": {key: getattr(value.pgboss, key) for key in pgboss},
        "capabilities": [{"name": one.name, "present": one.present, "since": one.since} for one in value.capabilities],
        "sizes": [_fields(one, "name", "total_bytes", "table_bytes", "index_bytes", "rows") for one in value.sizes],
        "ages": [_fields(one, "name", "at", "known") | {"age_seconds": rounded(one.age_seconds)} for one in value.ages],
        "instances": [worker(one) for one in value.instances],
        "queue_count": value.queues,
        "other_schemas": value.other_schemas,
    }


def ensured(value: EnsureResult, *, statements: bool = False) -> Shape:
    """What `queue ensure` did or would do to one queue."""
    shape: Shape = {
        "queue": value.queue,
        "action": value.action.value,
        "applied": value.applied,
        "changes": {option: list(change) for option, change in value.changes.items()},
        "reason": value.reason,
    }
    return shape | {"statements": value.statements} if statements else shape


def deleted(value: QueueDeletion, *, statements: bool = False) -> Shape:
    """What `queue delete` did or would do."""
    shape: Shape = {
        "queue": value.queue,
        "action": "refused" if value.reason else "deleted",
        "applied": value.applied,
        "jobs": value.jobs,
        "gone": value.gone,
        "counts": dict(value.counts),
        **_fields(value, "schedules", "subscriptions", "storage", "reason"),
    }
    return shape | {"statements": value.statements} if statements else shape


def check(value: Check) -> Shape:
    """What a check of doctor looks for."""
    texts = ("title", "what", "why", "confirm", "fix", "releases")
    return {"code": value.code, "slug": value.slug, "severity": value.severity.value, **_fields(value, *texts)}


def finding(value: Finding, known: Collection[str] | None = None) -> Shape:
    """One finding of doctor; with a baseline it says whether that has it."""
    shape: Shape = {
        "code": value.code,
        "slug": value.slug,
        "severity": value.severity.value,
        "certainty": value.certainty.value,
        "queue": value.queue,
        "count": value.count,
        "jobs": value.jobs,
        "since": value.since,
        "message": value.message,
        "evidence": [dict(one) for one in value.evidence],
        "why": value.why,
        "remedy": {"text": value.remedy.text, "command": value.remedy.command},
        "fingerprint": value.fingerprint,
    }
    return shape if known is None else shape | {"known": value.fingerprint in known}


def report(value: Report, known: Collection[str] | None = None) -> Shape:
    """A whole doctor run; with a baseline (`known` holds its fingerprints) each finding says whether it has it."""
    return {
        "target": target(value.target),
        "checks": [
            _fields(one, "code", "slug", "status", "reason") | {"elapsed_seconds": rounded(one.elapsed_seconds)}
            for one in value.checks
        ],
        "findings": [finding(one, known) for one in value.findings],
        "summary": summary(value, known),
    }


def summary(value: Report, known: Collection[str] | None = None) -> dict[str, int]:
    """Findings per severity, the checks that were skipped, and with a baseline the findings it has."""
    tally: dict[str, int] = dict.fromkeys(("error", "warning", "info"), 0)
    for one in value.findings:
        tally[one.severity.value] += 1
    tally["skipped"] = sum(check.status.value == "skipped" for check in value.checks)
    return tally if known is None else tally | {"known": sum(one.fingerprint in known for one in value.findings)}


def _fields(value: object, *names: str) -> Shape:
    return {name: getattr(value, name) for name in names}


def ordered(fields: Mapping[str, Any], first: tuple[str, ...]) -> Shape:
    """`fields` with the keys of `first` in front."""
    return {key: fields[key] for key in first if key in fields} | dict(fields)


def operation(value: Operation) -> Shape:
    """An entry of the log; the contract's keys first."""
    return _fields(value, *OPERATION_KEYS, "undoes", "finished")


def action_plan(value: ActionPlan, where: Target, *, statements: bool) -> Shape:
    """What an action on jobs would do."""
    return {
        **_action(value, where, statements=statements),
        "changed": 0,
        "skipped": dict(value.skipped),
        "operation": None,
        "applied": False,
        "samples": _samples(value.samples, value.holders),
    }


def action_outcome(value: ActionOutcome, where: Target, *, statements: bool) -> Shape:
    """What it did."""
    return {
        **_action(value.plan, where, statements=statements),
        "changed": value.changed,
        "skipped": dict(value.skipped),
        "operation": value.operation or None,
        "applied": value.changed > 0,
        "samples": _samples(value.samples, value.holders),
        "stopped": value.stopped,
        "interrupted": value.interrupted,
    }


def _action(plan: ActionPlan, where: Target, *, statements: bool) -> Shape:
    return {
        "action": str(plan.request.action),
        "target": target(where),
        "selector": plan.request.text,
        "matched": plan.matched,
        "eligible": plan.eligible,
        "queues": dict(plan.queues),
        "effect": plan.effect,
        "consequences": list(plan.consequences),
        "warnings": list(plan.warnings),
        **({"statements": list(plan.statements)} if statements else {}),
    }


def _samples(samples: Mapping[str, Sequence[str]], holders: Mapping[str, str]) -> list[Shape]:
    return [
        {"id": job, "outcome": word, **({"holder": holders[job]} if word == "slot-taken" and job in holders else {})}
        for word, ids in samples.items()
        for job in ids
    ]
