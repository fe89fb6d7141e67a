"""cancel: jobs that have not ended yet, as pg-boss's own cancel."""

from __future__ import annotations

from bossctl.actions.jobs.kind import Counted, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.change_kinds import cancelled
from bossctl.store import Store


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    return Kind(cancelled(), words, image=("state", "completed_on"))


def words(counted: Counted) -> Words:
    """What the plan says."""
    active, parents = counted.facts["active"], counted.facts["blocking"]
    warnings = []
    if active:
        warnings.append(f"{jobs(active)} active: their handlers go on, and what they report at the end is ignored")
    if parents:
        warnings.append(f"{jobs(parents)} of flows: the jobs that wait for them will wait until they are retried")
    return Words(f"{jobs(counted.jobs)} → cancelled", ("resume takes it back",), tuple(warnings), for_good=active)
