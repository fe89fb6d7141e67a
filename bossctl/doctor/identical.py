"""DUP05: jobs that look like the same work sent twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import list_jobs, some
from bossctl.format import duration
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_duplicates import Identical, IdenticalGroups, IdenticalJobs
from bossctl.models.readings_storage import LongPayloads


def identical_jobs(readings: Readings) -> Iterator[Case]:
    """One case per queue, and one more for its jobs with a singleton key."""
    found, long = readings[Identical], readings[LongPayloads]
    for groups in found.found:
        unset = groups.policy is None and readings.ground.generation == "10"
        yield _case(groups, found.window_seconds, long, standard=unset or groups.policy == "standard")


def _case(groups: IdenticalGroups, window: int, long: LongPayloads, *, standard: bool) -> Case:
    without_effect = groups.keyed and standard
    same = "payload and singleton key" if groups.keyed else "payload"
    told = (
        f"{some(groups.jobs, 'job')} of queue {groups.queue} came in {some(groups.groups, 'group')} with the same"
        f" {same}, each at most {duration(window)} after another: {groups.surplus:,} more than if each were sent once"
    )
    if without_effect:
        told += "; the singleton key had no effect: a standard queue ignores it (10 and newer)"
    skipped = long.of_queues.get(groups.queue, 0)
    if skipped:
        told += f"; {some(skipped, 'payload')} over {long.longest // 1024} kB not compared"
    return Case(
        queue=groups.queue,
        subject="payload and key" if groups.keyed else "payload",
        certainty=Certainty.POSSIBLE,
        count=groups.jobs,
        jobs=[job_id for group in groups.shown for job_id in group.ids],
        since=groups.since,
        message=told,
        evidence=[_evidence(group, groups.policy) for group in groups.shown],
        advice=_advice(groups, without_effect),
        command=("queue", "show", groups.queue) if without_effect else list_jobs(groups.queue),
    )


def _advice(groups: IdenticalGroups, without_effect: bool) -> str:
    if without_effect:
        return (
            "if these are the same work, let the sender use singletonSeconds with the key, or send to a queue of policy"
            " short (one waiting job per key) or exclusive (11.1 and newer; one that waits or runs); a queue's policy"
            " cannot change later"
        )
    if groups.keyed:
        return "if a key should be used once in a while even after its job has ended, send with singletonSeconds"
    return (
        "only the application knows whether these are the same work: if they are, send with singletonSeconds or with an"
        " id of your own, and look for a sender that repeats a request that had timed out"
    )


def _evidence(group: IdenticalJobs, policy: str | None) -> Mapping[str, EvidenceValue]:
    return {
        "jobs": group.jobs,
        "surplus": group.surplus,
        "singleton_key": group.key,
        "policy": policy,
        "first_created_on": group.first_on,
        "last_created_on": group.last_on,
        "apart_seconds": round((group.last_on - group.first_on).total_seconds(), 3),
        "ids": group.ids,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP05",
        slug="identical-jobs",
        title="same queue, same payload and key, created within a window, none throttled",
        severity=Severity.INFO,
        needs=(Identical, LongPayloads),
        what="Compares the payloads (by their hash) and singleton keys of the jobs created in the last 24 hours (or as"
        " --since says), and groups those of one queue that were created within --window of each other. Left out: jobs"
        " that were throttled or debounced, those that a schedule sends or a redrive made, children of a flow that"
        " still wait, payloads"
        " that are empty or take more than 8 kB in the table; the latter are counted and told.",
        why="A sender that repeats a request, or a request that arrives twice, makes two jobs that both look normal;"
        " nothing holds the second back unless the sender asked for it.",
        confirm="Look at the payloads of the ids named: bossctl job show ID. Equal payloads are often meant.",
        fix="Send with singletonSeconds, to a queue with a policy, or with an id made from the work itself. A singleton"
        " key alone does nothing on a standard queue of 10 and newer.",
        releases="all; a singletonKey alone was unique among waiting and running jobs in 8 and 9, and is not since 10",
        judge=identical_jobs,
    ),
)
