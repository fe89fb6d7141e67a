"""A job that ended: how, how often it was fetched, what was made of it, how long it stays."""

from __future__ import annotations

from collections.abc import Iterator

from bossctl.explain.attempts import outcome_of
from bossctl.explain.keeping import leaving
from bossctl.explain.words import shown, some, when
from bossctl.format import elapsed
from bossctl.models.explain_facts import Copy, JobFacts
from bossctl.models.explanation import Holds, Reason
from bossctl.models.history import failure_reason, fetches

HASTY = 0.2
"""A completion after less than this share of the usual run time is worth a word, after a retry."""
RUNS_TO_COMPARE = 10
FAILED = ("failed", "expired")


def ended(facts: JobFacts) -> Iterator[Reason]:
    """What holds of a job that is over."""
    yield _end(facts)
    yield from _fetched(facts)
    yield from _early(facts)
    yield from _by_hand(facts)
    yield from _hasty(facts)
    yield from _letters(facts)
    yield from _origin(facts)
    yield from _children(facts)
    yield from leaving(facts)


def _end(facts: JobFacts) -> Reason:
    row = facts.job.row
    at = f" {when(row.completed_on, facts.now)}" if row.completed_on else ""
    if row.state == "cancelled":
        run = "; it had been fetched before" if row.started_on else "; it was never fetched"
        return Reason("cancelled", Holds.CERTAIN, f"cancelled{at}{run}")
    run = ""
    if row.completed_on and row.started_on and row.completed_on >= row.started_on:
        run = f", {elapsed((row.completed_on - row.started_on).total_seconds())} after its last fetch"
    cause = failure_reason(facts.job.output.text) if row.state in FAILED else None
    told = f": {shown(cause)}" if cause else ""
    return Reason(row.state, Holds.CERTAIN, f"{row.state}{at}{run}{told}")


def _fetched(facts: JobFacts) -> Iterator[Reason]:
    row = facts.job.row
    times = fetches(row)
    if not times:
        if row.state != "cancelled":
            text = f"no fetch is recorded: it was {row.state} without one, or something reset its counters"
            yield Reason("never-fetched", Holds.LIKELY, text)
        return
    proof = f"retry_count is {row.retry_count} of {row.retry_limit}"
    text = f"fetched at least {some(times, 'time')} ({proof})"
    yield Reason("fetched", Holds.CERTAIN, text)


def _early(facts: JobFacts) -> Iterator[Reason]:
    """Failed for good with retries left: a retry whose slot is taken cannot wait."""
    row = facts.job.row
    if row.state != "failed" or row.retry_count >= row.retry_limit or facts.era.generation == "8-9":
        return
    left = some(row.retry_limit - row.retry_count, "retry", "retries")
    policy = facts.job.fields.get("policy")
    if policy in ("stately", "exclusive", "key_strict_fifo"):
        text = f"it failed for good with {left} left: under policy {policy} another job held the slot it had to wait in"
        yield Reason("failed-early", Holds.LIKELY, text)
    else:
        text = f"it failed for good with {left} left; the row does not say why"
        yield Reason("failed-early", Holds.POSSIBLE, text)


def _by_hand(facts: JobFacts) -> Iterator[Reason]:
    row, usual = facts.job.row, facts.queue.retry_limit
    if usual is not None and row.retry_limit == usual + 1 and row.retry_count == row.retry_limit:
        text = f"its retry_limit is {row.retry_limit} where the queue's is {usual}: somebody retried it by hand, or it"
        yield Reason("retried-by-hand", Holds.LIKELY, f"{text} was sent so")


def _hasty(facts: JobFacts) -> Iterator[Reason]:
    """A stale first worker may have completed a later attempt."""
    row, activity = facts.job.row, facts.activity
    if row.state != "completed" or not row.retry_count or facts.era.fenced or not (row.completed_on and row.started_on):
        return
    if activity is None or not activity.usual_seconds or activity.runs < RUNS_TO_COMPARE:
        return
    took = (row.completed_on - row.started_on).total_seconds()
    if 0 <= took < HASTY * activity.usual_seconds:
        text = f"it completed {elapsed(took)} after its last fetch, where first attempts take"
        text += f" {elapsed(activity.usual_seconds)}: a former attempt that was given up may have completed it"
        yield Reason("completed-by-former", Holds.POSSIBLE, text)


def _letters(facts: JobFacts) -> Iterator[Reason]:
    """The dead letter made of it, and what came of that."""
    row = facts.job.row
    mine = [copy for copy in facts.copies if not copy.linked or copy.source_id == row.id]
    others = [copy for copy in facts.copies if copy not in mine]
    for copy in mine:
        yield _letter(copy, facts)
    if others:
        told = ", ".join(f"{one.job.id} ({shown(one.job.queue)}, {one.job.state})" for one in others[:5])
        text = f"{some(len(others), 'more job')} of the same line of dead letters: {told}"
        yield Reason("lineage", Holds.CERTAIN, text, tuple(one.job.id for one in others))
    if row.state == "failed" and not mine and not row.archived:
        yield from _no_letter(facts)


def _letter(copy: Copy, facts: JobFacts) -> Reason:
    one = copy.job
    text = f"its dead letter is {one.id} in queue {shown(one.queue)}, {one.state}"
    if one.started_on is not None:
        text += f", fetched {when(one.started_on, facts.now)}"
    if copy.linked:
        return Reason("dead-letter", Holds.CERTAIN, text, (one.id,))
    text += " (told by the instant it was made and its payload; this release records no link)"
    return Reason("dead-letter", Holds.LIKELY, text, (one.id,))


def _no_letter(facts: JobFacts) -> Iterator[Reason]:
    name = facts.job.row.dead_letter or facts.queue.dead_letter
    if name is None:
        if facts.era.generation != "8-9":
            yield Reason("no-dead-letter", Holds.CERTAIN, "it has no dead-letter queue: this row is all that is left")
        return
    text = f"no dead letter of it is in queue {shown(name)} any more: worked and removed, redriven, or never made"
    if facts.era.source_link:
        yield Reason("dead-letter-gone", Holds.LIKELY, text)
        return
    told = "this release records no link, and none was made there at its end with its payload"
    yield Reason("dead-letter-gone", Holds.POSSIBLE, f"{text} ({told})")


def _origin(facts: JobFacts) -> Iterator[Reason]:
    yield from origin(facts)


def origin(facts: JobFacts) -> Iterator[Reason]:
    """The job this one is a dead letter (or a redrive) of."""
    name, source = facts.job.fields.get("source_name"), facts.job.fields.get("source_id")
    if not isinstance(name, str) or not isinstance(source, str):
        return
    count = facts.job.fields.get("source_retry_count")
    times = f" after {some(count + 1, 'attempt')}" if isinstance(count, int) else ""
    state = f", now {facts.source.state}" if facts.source else ", which is not stored any more"
    text = f"it was made of job {source} of queue {shown(name)}{times}{state}"
    cause = outcome_of(facts.job.fields.get("source_output"))
    yield Reason("made-of", Holds.CERTAIN, f"{text}{cause}", (source,))


def _children(facts: JobFacts) -> Iterator[Reason]:
    if not facts.blocked_children:
        return
    jobs = some(facts.blocked_children, "blocked job")
    wait = "waits" if facts.blocked_children == 1 else "wait"
    ever = " for ever" if facts.job.row.state in ("failed", "cancelled") else ""
    yield Reason("children-blocked", Holds.CERTAIN, f"{jobs} {wait} for it{ever}", facts.children)
