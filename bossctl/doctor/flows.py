"""STK: jobs of a flow that wait for a parent which will never release them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import act_on, ago, list_jobs, some
from bossctl.format import timestamp
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_stuck import BlockedGroup, BlockedJob, Flows

_FATES = {
    "failed": "a parent that failed",
    "cancelled": "a parent that was cancelled",
    "gone": "a parent that is not stored any more",
    "unlinked": "a parent that nothing names (job_dependency is empty)",
}

_CURES = {
    "failed": "retry the parent so that it completes, or cancel what waits for it",
    "cancelled": "resume the parent so that it completes, or cancel what waits for it",
    "gone": "nothing releases these jobs any more: cancel them and send the work again",
    "unlinked": "nothing releases these jobs any more: cancel them and send the work again, or restore job_dependency"
    " from the backup it was left out of",
}


def flow_blocked(readings: Readings) -> Iterator[Case]:
    """One case per queue and fate of the parents, and one for a resolver that does not pass."""
    found, now = readings[Flows], readings.ground.now
    for group in found.groups:
        if group.kind != "unresolved":
            yield _lost_case(group)
    waiting = [group for group in found.groups if group.kind == "unresolved"]
    if waiting:
        yield _resolver_case(waiting, found.flow_on, now)


def _lost_case(group: BlockedGroup) -> Case:
    queue, first = group.queue, group.shown[0]
    parent = f", such as {first.parent} of {first.parent_queue}" if first.parent else ""
    keep = min((one.keep_until for one in group.shown if one.keep_until), default=None)
    return Case(
        queue=queue,
        subject=f"parent {group.kind}",
        certainty=Certainty.PROVEN,
        count=group.jobs,
        jobs=[one.id for one in group.shown],
        since=group.first_on,
        message=f"{some(group.jobs, 'blocked job')} of queue {queue} {'waits' if group.jobs == 1 else 'wait'} for"
        f" {_FATES[group.kind]}{parent}, and so for ever"
        + (f"; retention deletes the first after {timestamp(keep)}" if keep and keep.year < 9999 else ""),
        evidence=[_evidence(one, group.kind) for one in group.shown],
        advice=_CURES[group.kind],
        command=_command(group),
    )


def _command(group: BlockedGroup) -> tuple[str, ...]:
    """What helps where the jobs shown are all: act on their parents, or end them."""
    listed = list_jobs(group.queue, "open")
    action = {"failed": "retry", "cancelled": "resume"}.get(group.kind)
    whole = len(group.shown) == group.jobs
    if action is None:
        return act_on("cancel", [one.id for one in group.shown], of=group.jobs, otherwise=listed)
    parents = list(dict.fromkeys(one.parent for one in group.shown if one.parent))
    return act_on(action, parents, of=len(parents) if whole else 0, otherwise=listed)


def _resolver_case(groups: Sequence[BlockedGroup], flow_on: datetime | None, now: datetime) -> Case:
    jobs = sum(group.jobs for group in groups)
    shown = [one for group in groups for one in group.shown][:20]
    oldest = min((one.parent_ended for one in shown if one.parent_ended), default=None)
    passed = f"the resolver last passed {ago(flow_on, now)}" if flow_on else "the resolver never passed"
    return Case(
        queue=None,
        subject="resolver",
        certainty=Certainty.PROVEN,
        count=jobs,
        jobs=[one.id for one in shown],
        since=oldest,
        message=f"{some(jobs, 'blocked job')} {'waits' if jobs == 1 else 'wait'} though a parent has completed"
        + (f", the first {ago(oldest, now)}" if oldest else "")
        + f": {passed}",
        evidence=[_evidence(one, "completed") for one in shown],
        advice="run a pg-boss process with supervision on (12.22 and newer release blocked jobs in its background) and"
        " look at its error events",
        command=("worker", "list"),
    )


def _evidence(one: BlockedJob, fate: str) -> Mapping[str, EvidenceValue]:
    return {
        "id": one.id,
        "created_on": one.created_on,
        "pending_dependencies": one.pending,
        "parent": one.parent,
        "parent_queue": one.parent_queue,
        "parent_state": fate,
        "parent_ended": one.parent_ended,
        "keep_until": one.keep_until,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK06",
        slug="flow-blocked",
        title="waits for a parent that failed, was cancelled or is gone; or the resolver is down",
        severity=Severity.ERROR,
        needs=(Flows,),
        what="Looks at blocked jobs with more pending dependencies than parents that can still complete, and at those"
        " whose parent completed more than 2m ago without being resolved. Parents that still wait or run are no fault.",
        why="A blocked job is never fetched: it stays until retention deletes it, and so does all that waits for it.",
        confirm="bossctl job show ID of a parent shows its state; bossctl info tells when flows were last resolved.",
        fix="Let the parent complete (retry or resume it) or cancel the flow; run a process with supervision on.",
        releases="12.19.0 and newer; a resolver in the background since 12.22.0",
        judge=flow_blocked,
    ),
)
