"""Who may have a job in hand: which instance fetched it is nowhere stored, but each tells what it works on."""

from __future__ import annotations

from collections.abc import Sequence

from bossctl.models.jobs import JobRow
from bossctl.models.workers import Worker

QUIET_BEATS = 3
"""An instance counts as living until it misses so many heartbeats."""


def may_hold(worker: Worker, job: JobRow) -> bool:
    """Whether the instance may have an active job in hand, by what it registers.

    Which instance fetched a job is nowhere stored. What has told of itself since the fetch counts by that; of others
    the queues they work on do, for as long as they may have lived.
    """
    fetched = job.started_on
    works = [one for one in worker.work if one.queue == job.queue]
    if fetched is None or worker.heartbeat_on is None or not (works or worker.active is None):
        return False
    if worker.started_on is not None and worker.started_on > fetched:
        return False
    if worker.stopped_on is not None and worker.stopped_on < fetched:
        return False
    if worker.heartbeat_on >= fetched:
        return any(one.active for one in works)
    unheard = (fetched - worker.heartbeat_on).total_seconds()
    return unheard <= QUIET_BEATS * (worker.heartbeat_seconds or 0)


def in_hand(worker: Worker, everybody: Sequence[Worker], jobs: Sequence[JobRow]) -> tuple[JobRow, ...]:
    """The jobs that only this instance can have in hand; none when any that it may have could be another's too."""
    mine = tuple(job for job in jobs if may_hold(worker, job))
    others = [one for one in everybody if one.instance != worker.instance]
    return () if any(may_hold(one, job) for one in others for job in mine) else mine
