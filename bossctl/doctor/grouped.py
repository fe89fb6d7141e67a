"""What judges over job symptoms share: groups of one queue, their ids, and the rows that show them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from bossctl.doctor.check import JOBS_SHOWN
from bossctl.doctor.words import listed
from bossctl.models.findings import EvidenceValue
from bossctl.models.readings import JobEvidence, Symptom, SymptomGroup


def by_queue(groups: Iterable[SymptomGroup], wanted: Symptom) -> Mapping[str, Sequence[SymptomGroup]]:
    """Groups with a wanted symptom. What was put back by hand after it had finished is another story."""
    found: dict[str, list[SymptomGroup]] = defaultdict(list)
    for group in groups:
        if group.symptoms & wanted and not group.symptoms & Symptom.FINISHED_BEFORE:
            found[group.queue].append(group)
    return found


_STANDING = {
    "created": "wait to run again",
    "retry": "wait to run again",
    "active": "run again now",
    "failed": "failed in the end",
    "expired": "expired in the end",
    "completed": "completed in the end",
}


def standing(groups: Iterable[SymptomGroup]) -> str:
    """`2 wait to run again and 1 failed in the end`."""
    told: dict[str, int] = defaultdict(int)
    for group in groups:
        told[_STANDING.get(group.state, group.state)] += group.jobs
    return listed(f"{jobs:,} {words}" for words, jobs in told.items())


def ids(groups: Sequence[SymptomGroup]) -> tuple[str, ...]:
    """Some of the jobs, in order."""
    return tuple(sorted({job_id for group in groups for job_id in group.samples}))[:JOBS_SHOWN]


def rows(groups: Sequence[SymptomGroup], evidence: Mapping[tuple[str, str], JobEvidence]) -> Sequence[JobEvidence]:
    """The rows of some of the jobs, in order."""
    found = {(group.queue, job_id) for group in groups for job_id in group.samples} & evidence.keys()
    return [evidence[key] for key in sorted(found)][:JOBS_SHOWN]


def job_evidence(row: JobEvidence) -> Mapping[str, EvidenceValue]:
    """A job's row as evidence of a further attempt."""
    expires = None
    if row.started_on is not None and row.expire_seconds is not None and row.expire_seconds < 1e9:
        expires = row.started_on + timedelta(seconds=row.expire_seconds)
    return {
        "id": row.id,
        "state": row.state,
        "attempts": row.retry_count + 1,
        "retry_limit": row.retry_limit,
        "created_on": row.created_on,
        "started_on": row.started_on,
        "expire_seconds": row.expire_seconds,
        "expires_on": expires,
        "completed_on": row.completed_on,
        "ran_seconds": _ran(row),
        "start_after": row.start_after,
        "reason": row.reason,
        "archived": row.archived,
    }


def _ran(row: JobEvidence) -> float | None:
    """How long the last attempt took, where it is over and the row still has its times."""
    if row.started_on is None or row.completed_on is None or row.state in ("created", "retry", "active"):
        return None
    return round((row.completed_on - row.started_on).total_seconds(), 3)
