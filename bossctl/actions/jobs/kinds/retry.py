"""retry: failed jobs once more, as pg-boss's own retry; with is:stuck, active jobs that nobody will finish."""

from __future__ import annotations

from bossctl.actions.jobs.kind import Counted, Kind, Words
from bossctl.actions.jobs.phrases import and_list, due, jobs, rescued
from bossctl.models.jobactions import ActionRequest
from bossctl.selector import And, Is
from bossctl.sql.change_kinds import retried, unstuck
from bossctl.store import Store

STUCK = Is("stuck")


def of_stuck(request: ActionRequest) -> bool:
    """Whether the selection demands that jobs are stuck."""
    return STUCK in (request.selector.items if isinstance(request.selector, And) else (request.selector,))


async def make(store: Store, request: ActionRequest) -> Kind:
    """The declaration."""
    spread_out = request.spread_seconds is not None
    if of_stuck(request):
        change = unstuck(store.session.queries, spread_out=spread_out)
        return Kind(change, lambda counted: stuck_words(request, counted), tuple(change.after), wakes=True)
    change = retried(store.session.queries, spread_out=spread_out)
    return Kind(change, lambda counted: words(request, counted), tuple(change.after), wakes=True)


def words(request: ActionRequest, counted: Counted) -> Words:
    """What the plan says of failed jobs."""
    after = [due(request), *rescued(counted.facts["doomed"])]
    if counted.dead_letters:
        after.append(
            f"one that fails again goes to {and_list(counted.dead_letters)} again: the copy made before stays there"
        )
    return Words(f"{jobs(counted.jobs)} → retry, each with one more attempt", tuple(after))


def stuck_words(request: ActionRequest, counted: Counted) -> Words:
    """What the plan says of stuck jobs."""
    after = (
        due(request),
        "no copy goes to a dead-letter queue, and each has at least one more attempt",
        "undo does not make them active again",
    )
    overlap = (
        f"the handlers of {jobs(counted.jobs)} may still be running: the next attempt can overlap with them,"
        " and what they report late can end it"
    )
    effect = f"{jobs(counted.jobs)} active → retry in one step, with pg-boss's own expiry message as output"
    return Words(effect, after, (overlap,) if counted.jobs else (), for_good=counted.jobs)
