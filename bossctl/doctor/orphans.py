"""STK: jobs and partitions that no queue stands for."""

from __future__ import annotations

from collections.abc import Iterator

from bossctl.doctor.check import JOBS_SHOWN, Case, Check, Readings
from bossctl.doctor.words import some
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings_stuck import Orphan, Orphans


def orphaned(readings: Readings) -> Iterator[Case]:
    """One case per name without a queue, and one per partition without one."""
    found = readings[Orphans]
    for one in found.jobs:
        yield _jobs_case(one)
    for partition, bound in found.partitions:
        yield Case(
            queue=None,
            subject=f"partition {partition}",
            certainty=Certainty.PROVEN,
            count=1,
            message=f"the partition {partition} ({bound}) belongs to no queue: its jobs are neither worked nor"
            " maintained, and a queue of that name cannot be made again",
            evidence=[{"partition": partition, "bound": bound}],
            advice="make sure that nothing in it is wanted, then detach and drop it by SQL; delete queues with"
            " deleteQueue() or bossctl queue delete, not by deleting their row",
            command=("queue", "list"),
        )


def _jobs_case(one: Orphan) -> Case:
    return Case(
        queue=one.queue,
        subject="no queue",
        certainty=Certainty.PROVEN,
        count=one.jobs,
        since=one.first_on,
        message=f"{some(one.jobs, 'job')} ({one.open:,} open) {'bears' if one.jobs == 1 else 'bear'} the name"
        f" {one.queue}, and there is no such queue: nothing works or maintains {'it' if one.jobs == 1 else 'them'}",
        evidence=[{"queue": one.queue, "jobs": one.jobs, "open": one.open, "first_on": one.first_on}][:JOBS_SHOWN],
        advice="create the queue again (bossctl queue ensure) so that its jobs are worked and retired; the foreign key"
        " that prevents this was dropped or disabled",
        command=("queue", "ensure", one.queue),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK10",
        slug="orphaned",
        title="jobs without a queue row, partitions without a queue row",
        severity=Severity.ERROR,
        needs=(Orphans,),
        what="Compares the names of the jobs (11 and newer) and the partitions of the job table with the queue table.",
        why="pg-boss works and maintains by queue: what belongs to none waits for ever and is never removed.",
        confirm="bossctl queue list shows the queues there are.",
        fix="Create the queue again, or remove what is left of it.",
        releases="10.0.0 and newer",
        judge=orphaned,
    ),
)
