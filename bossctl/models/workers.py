"""Who works the queues: registered instances (schema 44+) or sessions that look like pg-boss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Worker:
    """A pg-boss process.

    From the registry (`source` registry): `instance` is its id, `alive` follows FACTS §3.5 (not stopped, heartbeat
    younger than three intervals). Inferred from database sessions (`source` inferred): one entry stands for all
    `sessions` of one application name, role and address, `alive` is True while they are connected, and what sessions
    do not tell (pid, release, queues, heartbeat) is None or empty.
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


@dataclass(frozen=True)
class Workers:
    """All workers. `note` says what could not be seen (no registry, sessions of other roles hidden)."""

    workers: tuple[Worker, ...]
    source: str
    note: str | None
