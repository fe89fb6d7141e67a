"""Why a job that waits has not been fetched: its own row, its queue, the jobs it depends on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bossctl.explain.keeping import keeping
from bossctl.explain.slots import ahead, ignored, slots, starved
from bossctl.explain.supervision import supervision
from bossctl.explain.words import shown, some, when
from bossctl.explain.workers import groups, workers
from bossctl.models.explain_facts import JobFacts, Parent
from bossctl.models.explanation import Holds, Reason
from bossctl.models.history import failure_reason, fetches

PARENTS_READ = 20
"""Of a job with more parents not all are known, and so none can be missed."""

RESOLVER_SECONDS = 60.0
"""The resolver of flows passes every five seconds by default."""


def waiting(facts: JobFacts) -> Iterator[Reason]:
    """Every reason that holds, in the order pg-boss applies them."""
    if facts.job.row.archived:
        yield _archived(facts)
        return
    yield from _orphaned(facts)
    yield from deferred(facts)
    yield from blocked(facts)
    yield from slots(facts)
    yield from ignored(facts)
    yield from starved(facts)
    yield from groups(facts)
    yield from workers(facts)
    yield from ahead(facts)
    yield from supervision(facts)
    yield from keeping(facts)
    yield from _before(facts)


def _archived(facts: JobFacts) -> Reason:
    at = facts.job.fields.get("archived_on")
    moved = f" {when(at, facts.now)}" if isinstance(at, datetime) else ""
    if facts.era.stored:
        text = f"it was moved to bossctl's own archive{moved}: nothing is fetched from there"
        return Reason("archived-unrun", Holds.CERTAIN, text)
    return Reason(
        "archived-unrun",
        Holds.CERTAIN,
        f"maintenance moved it to the archive{moved} in state {facts.job.row.state}, and nothing is fetched from there:"
        " it will never run",
    )


def _orphaned(facts: JobFacts) -> Iterator[Reason]:
    if not facts.queue.exists and not facts.queue.implicit:
        yield Reason(
            "queue-missing",
            Holds.CERTAIN,
            f"there is no queue {shown(facts.queue.name)} any more: nothing can fetch from it",
        )


def deferred(facts: JobFacts) -> Iterator[Reason]:
    """Its time has not come."""
    row = facts.job.row
    if row.start_after is None or row.start_after <= facts.now:
        return
    if row.state == "retry":
        text = f"attempt {fetches(row) + 1} is due only {when(row.start_after, facts.now)}, as its retry delay asks"
        yield Reason("retry-delay", Holds.CERTAIN, text, until=row.start_after)
    else:
        text = f"deferred: due {when(row.start_after, facts.now)}"
        yield Reason("deferred", Holds.CERTAIN, text, until=row.start_after)


def blocked(facts: JobFacts) -> Iterator[Reason]:
    """It belongs to a flow, and its parents are not done."""
    if not facts.job.row.blocked:
        return
    stored = [parent for parent in facts.parents if parent.state is not None]
    told = [reason for parent in stored if (reason := _parent(parent, facts)) is not None]
    yield from told
    pending = facts.job.fields.get("pending_dependencies")
    if isinstance(pending, int) and len(facts.parents) < PARENTS_READ:
        yield from _missing(pending, pending - len(told), facts)


def _missing(pending: int, lost: int, facts: JobFacts) -> Iterator[Reason]:
    """A parent that completed was counted down, and may be gone since; more pending than told of is lost."""
    if lost <= 0:
        return
    gone = tuple(parent.id for parent in facts.parents if parent.state is None)
    names = f": {', '.join(gone)}" if len(gone) == lost else ""
    text = (
        f"blocked by {some(lost, 'parent')} not stored any more{names} (of {pending:,} it waits for): nothing releases"
        " this job"
    )
    yield Reason("parent-missing", Holds.CERTAIN, text, gone)


def _parent(parent: Parent, facts: JobFacts) -> Reason | None:
    name = f"parent {parent.id} of queue {shown(parent.queue)}"
    ids = (parent.id,)
    ended = f" {when(parent.completed_on, facts.now)}" if parent.completed_on else ""
    match parent.state:
        case "failed" | "cancelled":
            cure = "retried" if parent.state == "failed" else "resumed"
            text = f"blocked by {name}, which {_was(parent.state)}{ended}: it waits for ever unless that is {cure}"
            return Reason(f"parent-{parent.state}", Holds.CERTAIN, f"{text} and completes", ids)
        case "completed":
            return _resolved(parent, name, facts)
    return Reason("parent-open", Holds.CERTAIN, f"blocked by {name}, which is in state {parent.state}", ids)


def _was(state: str) -> str:
    return "was cancelled" if state == "cancelled" else state


def _resolved(parent: Parent, name: str, facts: JobFacts) -> Reason | None:
    """A parent that completed holds the child only until the resolver has passed."""
    if not facts.era.resolver or not parent.blocking or parent.completed_on is None:
        return None
    waited = (facts.now - parent.completed_on).total_seconds()
    passed = facts.stamps.get("flow_on")
    last = f"the resolver last passed {when(passed, facts.now)}" if passed else "the resolver never passed"
    text = f"blocked by {name}, which completed {when(parent.completed_on, facts.now)} and was not resolved yet: {last}"
    sure = Holds.CERTAIN if waited > RESOLVER_SECONDS else Holds.LIKELY
    return Reason("parent-unresolved", sure, text, (parent.id,))


def _before(facts: JobFacts) -> Iterator[Reason]:
    """What brought it here again."""
    row, output = facts.job.row, facts.job.output.text
    if row.state == "retry":
        cause = failure_reason(output)
        told = f": {shown(cause)}" if cause else "; why is not recorded"
        yield Reason("failed-before", Holds.CERTAIN, f"attempt {fetches(row)} failed{told}")
        if row.completed_on is not None:
            text = f"it had ended {when(row.completed_on, facts.now)} and was retried by hand"
            yield Reason("retried-by-hand", Holds.CERTAIN, text)
    elif row.started_on is not None:
        text = f"it was fetched {when(row.started_on, facts.now)} and put back since (resume or restore)"
        yield Reason("put-back", Holds.CERTAIN, text)
