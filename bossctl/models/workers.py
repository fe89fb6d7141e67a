"""Who works the queues: registered instances (schema 44+) or sessions that look like pg-boss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Work:
    """One call of work() as its instance registers it; None for what it does not tell.

    `workers` is its local concurrency, each fetching `batch` jobs at once; `active` the jobs in hand at the last
    heartbeat. `options` are those it was called with. An error's time is kept, never its text.
    """

    queue: str
    workers: int | None
    batch: int | None
    active: int | None
    polling_seconds: float | None
    last_fetched_on: datetime | None
    last_ended_on: datetime | None
    last_error_on: datetime | None
    options: Mapping[str, str]


@dataclass(frozen=True)
class Worker:
    """A pg-boss process.

    From the registry (`source` registry): `instance` is its id, `alive` follows FACTS §3.5 (not stopped, heartbeat
    younger than three intervals). Inferred from database sessions (`source` inferred): one entry stands for all
    `sessions` of one application name, role and address, `alive` is True while they are connected, and what sessions
    do not tell (pid, release, queues, heartbeat) is None or empty. Until its first heartbeat an instance tells neither
    what it works on nor what it has in hand: `active` is None.

    `details` holds, as far as known: role, busy_sessions, oldest_transaction_seconds, sessions_visible (False when this
    role may not see what they do); of inferred ones last_statement_seconds; of registered ones node_version,
    crash_restarts, crash_restarts_since, migrate, persist_warnings, persist_queue_stats, pool_max, pool_total,
    pool_idle, pool_waiting and the process at its last heartbeat: cpu_cores used of cpu_limit, cpu_throttled (share of
    periods), rss_bytes, memory_used_bytes of memory_limit_bytes, heap_used_bytes of heap_limit_bytes, loop_delay_ms,
    loop_delay_max_ms, loop_utilization.
    """

    instance: str
    name: str | None
    host: str | None
    pid: int | None
    release: str | None
    queues: tuple[str, ...]
    heartbeat_on: datetime | None
    heartbeat_age_seconds: float | None
    heartbeat_seconds: int | None
    alive: bool
    source: str
    application_name: str | None
    started_on: datetime | None
    stopped_on: datetime | None
    supervise: bool | None
    schedule: bool | None
    sessions: int
    active: int | None
    details: Mapping[str, str | int | float | bool | None]
    work: tuple[Work, ...] = ()


@dataclass(frozen=True)
class Workers:
    """All workers at `taken_at`. `note` says what could not be seen (no registry, sessions of other roles hidden).

    `hidden` counts sessions of other roles whose statements this role may not see.
    """

    workers: tuple[Worker, ...]
    source: str
    note: str | None
    hidden: int
    taken_at: datetime
    elapsed_ms: float
