"""What keeps a due job from its turn: the slot of its key, the keys fetch leaves out, the jobs before it."""

from __future__ import annotations

from collections.abc import Iterator

from bossctl.explain.words import expiry, named_key, shown, some, stamp, standing, when
from bossctl.models.explain_facts import Head, JobFacts, Keys, Neighbour
from bossctl.models.explanation import Holds, Reason

KEYLESS_IGNORED_UNTIL = 36
"""Schema number of 12.25."""

HOLDING = ("singleton", "stately", "key_strict_fifo")
"""Policies under which another job can keep a waiting one from being fetched."""


def slots(facts: JobFacts) -> Iterator[Reason]:
    """Jobs that hold the slot of its key, or come before it within its key."""
    policy = facts.job.fields.get("policy")
    for holder in facts.holders:
        yield _held(holder, str(policy), facts) if policy is not None else _queued(holder, facts)
    older = facts.older_of_key
    if facts.era.heads and older is not None and older.id not in {holder.id for holder in facts.holders}:
        key = named_key(facts.job.row.singleton_key)
        text = f"policy key_strict_fifo takes the jobs of {key} in order, and {older.id} comes first ({older.state})"
        yield Reason("fifo-order", Holds.CERTAIN, text, (older.id,))


def _held(holder: Neighbour, policy: str, facts: JobFacts) -> Reason:
    key = named_key(facts.job.row.singleton_key)
    text = f"policy {policy} lets one job with {key} run at a time, and {holder.id} holds the slot:"
    text += f" {standing(holder, facts.now)}"
    until = expiry(holder.started_on, holder.expire_seconds) if holder.state == "active" else None
    if until is not None and until <= facts.now:
        text += f"; it is past its expiry since {stamp(until, facts.now)}"
    if holder.state == "failed":
        text += ", and a failed job keeps its key until it is retried or deleted"
    if facts.queue.guarded is False:
        text += "; but the unique index that enforces this is missing or invalid, so it may be fetched all the same"
        return Reason("slot-held", Holds.POSSIBLE, text, (holder.id,), until)
    return Reason("slot-held", Holds.CERTAIN, text, (holder.id,), until)


def _queued(holder: Neighbour, facts: JobFacts) -> Reason:
    text = (
        f"{holder.id} of the same singleton queue is {standing(holder, facts.now)}; workers with"
        " enforceSingletonQueueActiveLimit wait for it, and whether they set it is not in the database"
    )
    return Reason("slot-held", Holds.POSSIBLE, text, (holder.id,), expiry(holder.started_on, holder.expire_seconds))


def ignored(facts: JobFacts) -> Iterator[Reason]:
    """11.0 to 12.35 leave out the keys that the queue's row lists, right or wrong."""
    queue = facts.queue
    if facts.era.keys not in (Keys.LISTED, Keys.UNSURE) or not queue.keys_listed:
        return
    counted = f"counted {when(queue.monitor_on, facts.now)}" if queue.monitor_on else "counted at an unknown time"
    if queue.closed is not False:
        who = "12.6 to 12.25" if queue.closed else "some releases of this schema (12.5.4)"
        text = f"the queue lists a job without a key as active ({counted}), and while it does {who} fetch nothing of it"
        yield Reason("queue-closed", Holds.CERTAIN if queue.closed else Holds.POSSIBLE, text)
    if not queue.closed:
        yield from _key_listed(counted, facts)


def _key_listed(counted: str, facts: JobFacts) -> Iterator[Reason]:
    row, number, plain = facts.job.row, facts.era.number, facts.era.keys is Keys.LISTED
    listed = (row.singleton_key or "") in facts.queue.keys_active
    if listed and not any(one.state == "active" for one in facts.holders):
        text = f"the queue lists {named_key(row.singleton_key)} as active ({counted}) though no job with it is:"
        text += " fetch leaves it out until the next monitor pass corrects that"
        if row.state == "retry" and number == 25:
            text += ", which 11.0.0 to 11.0.7 never do for a retry"
        yield Reason("key-listed", Holds.CERTAIN if plain else Holds.POSSIBLE, text)
    if row.singleton_key is None and not listed and (number is None or number <= KEYLESS_IGNORED_UNTIL):
        text = f"it has no key, and while the queue lists any as active ({counted}) 11.0 to 12.25 leave such jobs out"
        yield Reason("keyless-ignored", Holds.LIKELY if plain and number is not None else Holds.POSSIBLE, text)


def starved(facts: JobFacts) -> Iterator[Reason]:
    """The job fetch picks first cannot start, and so nothing behind it does."""
    head = facts.head
    if head is None or head.holder is None or head.job.id == facts.job.row.id or facts.ahead is None:
        return
    strict = facts.job.fields.get("policy") == "key_strict_fifo"
    if (strict and facts.era.heads) or (not strict and facts.era.keys is Keys.PROBED):
        return
    text = _starving(head, facts)
    ids = (head.job.id, head.holder.id)
    if strict or facts.era.keys is Keys.BLIND:
        yield Reason("starved", Holds.CERTAIN, f"{text} until that slot is free", ids)
        return
    counted = facts.queue.monitor_on
    last = f"it last passed {when(counted, facts.now)}" if counted else "it never passed"
    sure = Holds.CERTAIN if facts.era.keys is Keys.LISTED else Holds.POSSIBLE
    text += f" until the slot is free or a monitor pass lists that key as active ({last})"
    yield Reason("starved", sure, text, ids)


def _starving(head: Head, facts: JobFacts) -> str:
    holder = head.holder
    held = f"{holder.id} holds, {standing(holder, facts.now)}" if holder else ""
    return (
        f"fetch picks {head.job.id} first, whose slot (of {named_key(head.job.singleton_key)}) {held}: the fetch fails"
        " on it and returns nothing, so this job starves behind it"
    )


def ahead(facts: JobFacts) -> Iterator[Reason]:
    """Due jobs that are fetched first."""
    found, row = facts.ahead, facts.job.row
    if found is None or not found.jobs:
        return
    number = f"{'≥ ' if found.capped else ''}{some(found.jobs, 'due job')}"
    stands = "stands" if found.jobs == 1 and not found.capped else "stand"
    text = f"{number} of queue {shown(row.queue)} {stands} before it: of a priority above {row.priority}, or older"
    if facts.job.fields.get("policy") in HOLDING and facts.era.keys is not Keys.BLIND:
        text += "; fetch passes over those whose key is held"
    yield Reason("jobs-ahead", Holds.CERTAIN, text, (facts.head.job.id,) if facts.head else ())
