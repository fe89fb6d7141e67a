"""Who could fetch the job: registered instances (12.36 and newer), else what the queue's rows tell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bossctl.explain.words import shown, some, stamp, when
from bossctl.models.explain_facts import JobFacts, Registry, WorkCall
from bossctl.models.explanation import Holds, Reason

INTERNAL = "__pgboss__"
"""Queues whose workers pg-boss does not register."""

PATIENCE_SECONDS = 60.0
CLOCK_SECONDS = 5.0
LONG_SECONDS = 600.0
"""From so long a silence on it is likely that nobody works a queue, before it is possible."""


def workers(facts: JobFacts) -> Iterator[Reason]:
    """Nobody who takes it is to be seen."""
    registry = facts.registry
    if registry is not None and registry.registered and not facts.queue.name.startswith(INTERNAL):
        yield from _registered(registry, facts)
    else:
        yield from _inferred(facts)


def _registered(registry: Registry, facts: JobFacts) -> Iterator[Reason]:
    live = [call for call in registry.calls if call.alive]
    if live:
        yield from _narrow(live, facts)
        return
    seen = max((call.heartbeat_on for call in registry.calls if call.heartbeat_on), default=None)
    last = f"; one that did was last heard of {when(seen, facts.now)}" if seen else "; none is known that did"
    text = (
        f"no live instance works queue {shown(facts.queue.name)}: {registry.registered:,} registered,"
        f" {registry.alive:,} alive{last}{_started(facts)}"
    )
    recent = _recently(facts)
    text += "; a consumer that calls fetch() by itself is not registered" if recent else ""
    yield Reason("no-worker", Holds.POSSIBLE if recent else Holds.LIKELY, text)


def _recently(facts: JobFacts) -> bool:
    """Something of the queue was fetched since this job could have been."""
    last, due = _last(facts), _due(facts)
    return last is not None and due is not None and last > due and (facts.now - last).total_seconds() < LONG_SECONDS


def _narrow(live: Sequence[WorkCall], facts: JobFacts) -> Iterator[Reason]:
    """They work the queue, but not jobs of this priority."""
    priority = facts.job.row.priority
    if any(_takes(call, priority) for call in live):
        return
    bands = ", ".join(sorted({_band(call) for call in live}))
    text = f"its priority is {priority}, and the live workers of the queue take {bands} only"
    yield Reason("priority-band", Holds.LIKELY, text)


def _takes(call: WorkCall, priority: int) -> bool:
    low, high = call.min_priority, call.max_priority
    return (low is None or priority >= low) and (high is None or priority <= high)


def _band(call: WorkCall) -> str:
    low, high = call.min_priority, call.max_priority
    return f"{'' if low is None else low}..{'' if high is None else high}"


def _inferred(facts: JobFacts) -> Iterator[Reason]:
    """No registry: whether anything of the queue was fetched since the job could have been."""
    due, last = _due(facts), _last(facts)
    if due is None or facts.activity is None or facts.activity.running or (last is not None and last >= due):
        return
    waited = (facts.now - due).total_seconds()
    if waited < PATIENCE_SECONDS:
        return
    sure = Holds.LIKELY if waited > LONG_SECONDS else Holds.POSSIBLE
    text = f"nothing of queue {shown(facts.queue.name)} was fetched since this job became due {when(due, facts.now)}"
    text += f"{_started(facts)}: it looks as if nobody works the queue (told by its rows, which is all there is here)"
    yield Reason("no-worker", sure, text)


def _due(facts: JobFacts) -> datetime | None:
    """Since when it could have been fetched; None while it may not, or where a retry by hand hides it."""
    row = facts.job.row
    if row.blocked or row.start_after is None or row.start_after > facts.now:
        return None
    due = max(row.start_after, row.created_on) if row.created_on else row.start_after
    return max(due, row.started_on) if row.started_on else due


def _last(facts: JobFacts) -> datetime | None:
    return facts.activity.last_started if facts.activity else None


def _started(facts: JobFacts) -> str:
    last = _last(facts)
    if facts.activity is None:
        return ""
    return f"; its last fetch was {when(last, facts.now)}" if last else "; no job still stored was ever fetched from it"


def groups(facts: JobFacts) -> Iterator[Reason]:
    """Its group may have as many jobs at work as its workers allow."""
    group, active = facts.job.fields.get("group_id"), facts.group_active
    if not isinstance(group, str) or not active:
        return
    told = f"{some(active, 'job')} of its group {shown(group)} {'is' if active == 1 else 'are'} active"
    live = [call for call in facts.registry.calls if call.alive] if facts.registry else []
    if not live:
        text = f"{told}; how many workers allow at once stands in their options, not in the database"
        yield Reason("group-limit", Holds.UNKNOWN, text)
        return
    limits = [call.group_limit for call in live]
    allowed = [limit for limit in limits if limit is not None]
    if len(allowed) == len(limits) and active >= max(allowed):
        text = f"{told}, and its live workers allow {max(allowed)} (tiers may allow more)"
        yield Reason("group-limit", Holds.LIKELY, text)


def holder_of(facts: JobFacts) -> Iterator[Reason]:
    """The instance that may have an active job in hand."""
    registry, started = facts.registry, facts.job.row.started_on
    if registry is None or started is None:
        return
    found = [call for call in registry.calls if call.active and _may_hold(call, started)]
    if len(found) > 1:
        found = [call for call in found if _fetched_since(call, started)] or found
    if not found:
        return
    names = "; ".join(_named(call, facts) for call in found[:3])
    more = f" and {len(found) - 3:,} more" if len(found) > 3 else ""
    sure = Holds.LIKELY if len(found) == 1 else Holds.POSSIBLE
    one = "an instance has" if len(found) == 1 else f"one of {len(found):,} instances has"
    text = f"{one} it in hand, as what they register fits: {names}{more}"
    yield Reason("on-instance", sure, text)


def _may_hold(call: WorkCall, started: datetime) -> bool:
    """It was heard of since the fetch, and did not stop before."""
    heard = call.heartbeat_on is not None and call.heartbeat_on >= started
    return heard and (call.stopped_on is None or call.stopped_on > started)


def _fetched_since(call: WorkCall, started: datetime) -> bool:
    """Its last fetch was not before this one; by its own clock, which may be wrong."""
    return call.last_fetched_on is not None and (call.last_fetched_on - started).total_seconds() > -CLOCK_SECONDS


def _named(call: WorkCall, facts: JobFacts) -> str:
    name = shown(call.name or call.instance)
    where = f" on {shown(call.host)}" if call.host else ""
    process = f" (process {call.pid})" if call.pid is not None else ""
    if call.alive:
        return f"{name}{where}{process}, alive"
    if call.stopped_on is not None:
        return f"{name}{where}{process}, stopped {when(call.stopped_on, facts.now)}"
    silent = f"silent since {stamp(call.heartbeat_on, facts.now)}" if call.heartbeat_on else "silent"
    return f"{name}{where}{process}, {silent}"
