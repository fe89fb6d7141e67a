"""Who works the queues: the registry where the schema has one, else what the sessions of the database show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bossctl.models.workers import Work, Worker, Workers
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

_TOLD = ("node_version", "crash_restarts", "crash_restarts_since", "migrate", "persist_warnings", "persist_queue_stats")
_POOL = ("pool_max", "pool_total", "pool_idle", "pool_waiting")
_METRICS = {
    "cpu_cores": "cpu",
    "cpu_limit": "cpuLimit",
    "cpu_throttled": "cpuThrottled",
    "rss_bytes": "rss",
    "memory_used_bytes": "memoryUsed",
    "memory_limit_bytes": "memoryLimit",
    "heap_used_bytes": "heapUsed",
    "heap_limit_bytes": "heapLimit",
    "loop_delay_ms": "loopDelay",
    "loop_delay_max_ms": "loopDelayMax",
    "loop_utilization": "loopUtilization",
}
_NO_REGISTRY = "inferred from database sessions: this schema has no instance registry (pg-boss 12.36.0, schema 44)"


async def read_workers(transaction: Transaction) -> Workers:
    """Registered instances where the schema has a registry, else sessions that look like pg-boss."""
    if transaction.queries.supports("instances"):
        rows = await transaction.rows("instances")
        found = tuple(map(_registered, rows))
        return Workers(found, "registry", None, 0, transaction.now, transaction.elapsed_ms)
    schema = transaction.queries.catalog.schema
    rows = await transaction.rows("sessions", {"marker": f"{schema}.", "quoted": f'"{schema}".'})
    hidden = (await transaction.row("hidden_sessions") or {}).get("hidden", 0)
    note = _NO_REGISTRY
    if hidden:
        note += f"; the statements of {hidden} sessions are hidden from this role (GRANT pg_read_all_stats shows them)"
    found = tuple(map(_inferred, rows))
    return Workers(found, "inferred", note, hidden, transaction.now, transaction.elapsed_ms)


def _registered(row: Row) -> Worker:
    work = tuple(_work(call) for call in _calls(row["workers"]))
    return Worker(
        instance=row["id"],
        name=row["name"],
        host=row["host"],
        pid=row["pid"],
        release=row["version"],
        queues=tuple(dict.fromkeys(one.queue for one in work)),
        heartbeat_on=row["heartbeat_on"],
        heartbeat_age_seconds=row["heartbeat_age_seconds"],
        heartbeat_seconds=row["heartbeat_seconds"],
        alive=bool(row["alive"]),
        source="registry",
        application_name=row["application_name"],
        started_on=row["started_on"],
        stopped_on=row["stopped_on"],
        supervise=row["supervise"],
        schedule=row["schedule"],
        sessions=row["sessions"],
        active=sum(one.active or 0 for one in work) if row["heartbeat_on"] > row["started_on"] else None,
        details={**_told(row["fields"]), **_sessions(row)},
        work=work,
    )


def _told(text: str) -> dict[str, str | int | float | bool | None]:
    """What the row says beyond its columns of every release, and the process behind it."""
    fields = json.loads(text)
    metrics = fields.get("metrics")
    measured = metrics if isinstance(metrics, dict) else {}
    told = {name: _plain(fields.get(name)) for name in (*_TOLD, *_POOL)}
    return told | {name: _plain(measured.get(source)) for name, source in _METRICS.items()}


def _plain(value: object) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) else None


def _sessions(row: Row) -> dict[str, str | int | float | bool | None]:
    """Of other roles' sessions nobody but a monitor sees what they do: that is unknown, not idle."""
    seen = bool(row["seen"]) or not row["sessions"]
    return {
        "role": row["role"],
        "busy_sessions": (row["busy"] or 0) if seen else None,
        "oldest_transaction_seconds": row["oldest_transaction_seconds"],
        "sessions_visible": seen,
    }


def _calls(text: str | None) -> list[dict[str, Any]]:
    """The registry's list of work() calls; anything else is nobody's format and counts as none."""
    try:
        calls = json.loads(text) if text else []
    except ValueError:
        return []
    listed = calls if isinstance(calls, list) else []
    return [call for call in listed if isinstance(call, dict) and call.get("queue") is not None]


def _work(call: Mapping[str, Any]) -> Work:
    options = call.get("options")
    return Work(
        queue=str(call["queue"]),
        workers=_whole(call.get("localConcurrency")),
        batch=_whole(call.get("batchSize")),
        active=_whole(call.get("active")),
        polling_seconds=_number(call.get("pollingIntervalSeconds")),
        last_fetched_on=_moment(call.get("lastFetchedOn")),
        last_ended_on=_moment(call.get("lastJobEndedOn")),
        last_error_on=_moment(call.get("lastErrorOn")),
        options={name: json.dumps(value) for name, value in options.items()} if isinstance(options, dict) else {},
    )


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    """A time as JavaScript writes it; None for anything else."""
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo else None


def _inferred(row: Row) -> Worker:
    host = (row["address"] or "local") if row["seen"] else None
    return Worker(
        instance=f"{row['application_name'] or row['username']}@{host or '?'}",
        name=None,
        host=host,
        pid=None,
        release=None,
        queues=(),
        heartbeat_on=None,
        heartbeat_age_seconds=None,
        heartbeat_seconds=None,
        alive=True,
        source="inferred",
        application_name=row["application_name"],
        started_on=row["started_on"],
        stopped_on=None,
        supervise=None,
        schedule=None,
        sessions=row["sessions"],
        active=None,
        details={
            "last_statement_seconds": row["last_statement_seconds"],
            **_sessions({**row, "role": row["username"]}),
        },
    )
