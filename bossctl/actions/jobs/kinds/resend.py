"""resend: a new job from a finished one, which stays as it is."""

from __future__ import annotations

from bossctl.actions.jobs.kind import Batch, Counted, Done, Kind, Words
from bossctl.actions.jobs.kinds.making import make_jobs, slots
from bossctl.actions.jobs.phrases import due, jobs
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.new_jobs import resent
from bossctl.store import Store


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    queries = store.session.queries
    change = resent(queries, spread_out=request.spread_seconds is not None)
    return Kind(
        change,
        lambda counted: words(store, request, counted),
        image=(),
        deed=resend,
        statements=(("action_insert", slots(change, queries)),),
    )


async def resend(batch: Batch) -> Done:
    """Make the new jobs."""
    return Done(await make_jobs(batch))


def words(store: Store, request: ActionRequest, counted: Counted) -> Words:
    """What the plan says."""
    rules = "their queue's current rules" if store.catalog.has("queue") else "the rules the old ones had"
    effect = f"{jobs(counted.jobs)} sent again as new jobs with {rules}; the old ones stay as they are"
    after = (due(request), "data, priority, key and group are the old ones; throttle slots and flows are not")
    return Words(effect, after)
