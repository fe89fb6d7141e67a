"""defer: another due time for jobs that wait."""

from __future__ import annotations

from datetime import datetime

from bossctl.actions.jobs.kind import Counted, Kind, Words
from bossctl.actions.jobs.phrases import jobs
from bossctl.errors import UsageError
from bossctl.format import exact_duration, iso, timestamp
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.change_kinds import deferred
from bossctl.store import Store


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    values: dict[str, object] = {}
    if request.by_seconds is not None:
        values["by"] = request.by_seconds
    elif request.until is not None:
        await _must_come(store, request.until)
        values["until"] = request.until
    change = deferred(store.session.queries, values, spread_out=request.spread_seconds is not None)
    return Kind(change, lambda counted: words(request, counted), tuple(change.after), wakes=True)


async def _must_come(store: Store, until: datetime) -> None:
    """Raise UsageError for a time that is over by the server's clock: jobs would start at once."""
    async with store.snapshot() as transaction:
        now = transaction.now
    if until < now:
        raise UsageError(
            f"{timestamp(until)} is past: it is {timestamp(now)} at the server",
            "a time without a zone is UTC; --now makes jobs due now",
        )


def words(request: ActionRequest, counted: Counted) -> Words:
    """What the plan says."""
    if request.by_seconds is not None:
        when = f"due {exact_duration(request.by_seconds)} later, those due already as much later than now"
    else:
        when = "due now" if request.until is None else f"due at {iso(request.until)}"
    blocked = counted.facts["blocked"]
    warnings = (f"{jobs(blocked)} of flows: they also wait for other jobs",) if blocked else ()
    return Words(f"{jobs(counted.jobs)}: {when}", ("keep_until is moved where it would come too soon",), warnings)
