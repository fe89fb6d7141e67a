"""resume: cancelled jobs back to waiting, as pg-boss's own resume, which 8.x and 9.x do to completed ones too."""

from __future__ import annotations

from bossctl.actions.jobs.kind import Counted, Kind, Words
from bossctl.actions.jobs.phrases import due, jobs, rescued
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.change_kinds import resumed
from bossctl.store import Store


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    change = resumed(store.session.queries, spread_out=request.spread_seconds is not None)
    return Kind(change, lambda counted: words(request, counted), tuple(change.after), wakes=True)


def words(request: ActionRequest, counted: Counted) -> Words:
    """What the plan says."""
    after = [due(request), *rescued(counted.facts["doomed"])]
    if counted.facts["later"]:
        after.append(f"{jobs(counted.facts['later'])} deferred: their due time stays")
    return Words(f"{jobs(counted.jobs)} → created", tuple(after))
