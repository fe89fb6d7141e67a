"""How long the row is kept, and whether maintenance removes it before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bossctl.explain.words import endless, later, stamp, when
from bossctl.models.explain_facts import JobFacts
from bossctl.models.explanation import Holds, Reason

ARCHIVED_AFTER = 43_200
"""Up to 10 finished rows are archived after 12 hours unless the client's options say otherwise."""

PURGED_AFTER = 7 * 86_400
WAITING = ("created", "retry")

ZERO_IS_NEVER = 27
"""Schema number of 12.6 to 12.9; from 12.7 on a deletion_seconds of 0 keeps the job."""


def keeping(facts: JobFacts) -> Iterator[Reason]:
    """What retention does to a job that waits or runs."""
    row, removes = facts.job.row, facts.era.removes
    ended = _ended_long_ago(facts)
    if ended is not None:
        yield ended
    keep = row.keep_until
    if row.state not in WAITING or keep is None:
        return
    if keep <= facts.now:
        text = f"kept only until {stamp(keep, facts.now)}: the next maintenance {removes} it unrun"
        yield Reason("removed-first", Holds.CERTAIN, text, until=keep)
    elif row.start_after is not None and keep < row.start_after:
        text = f"kept until {stamp(keep, facts.now)}, before it becomes due: maintenance {removes} it unrun"
        yield Reason("removed-first", Holds.LIKELY, text, until=keep)
    elif not endless(keep):
        text = (
            f"maintenance {removes} it any time after keep_until, {stamp(keep, facts.now)}, if it has not run by then"
        )
        yield Reason("kept-until", Holds.CERTAIN, text, until=keep)


def _ended_long_ago(facts: JobFacts) -> Reason | None:
    """retry() of 10.3 to 12.25 leaves completed_on set, and maintenance goes by it."""
    row = facts.job.row
    if row.completed_on is None:
        return None
    limit = facts.job.fields.get("deletion_seconds") if facts.era.stored else ARCHIVED_AFTER
    if not isinstance(limit, int) or limit == 0:
        return None
    at = later(row.completed_on, limit)
    if at is None:
        return None
    text = f"completed_on is still set ({when(row.completed_on, facts.now)}): maintenance {facts.era.removes} it"
    over = at <= facts.now
    text += " at its next pass" if over else f" after {stamp(at, facts.now)} unless it is completed again before"
    sure = Holds.CERTAIN if over and facts.era.stored else Holds.LIKELY
    return Reason("removed-first", sure, f"{text}, as if it had ended", until=at)


def leaving(facts: JobFacts) -> Iterator[Reason]:
    """When a job that ended is archived or deleted."""
    row = facts.job.row
    if row.archived:
        yield _purge(facts)
        return
    if row.completed_on is None:
        return
    if not facts.era.stored:
        at = later(row.completed_on, ARCHIVED_AFTER)
        text = "maintenance moves it to the archive 12h after its end by default"
        told = f": {when(at, facts.now)}" if at else ""
        limits = "; the true limit (archiveCompletedAfterSeconds) is in the client's options"
        yield Reason("archived-at", Holds.POSSIBLE, f"{text}{told}{limits}", until=at)
        return
    yield from _deletion(facts)


def _deletion(facts: JobFacts) -> Iterator[Reason]:
    limit = facts.job.fields.get("deletion_seconds")
    if not isinstance(limit, int):
        return
    number = facts.era.number
    if limit == 0 and (number is None or number >= ZERO_IS_NEVER):
        sure = Holds.LIKELY if number == ZERO_IS_NEVER else Holds.CERTAIN
        yield Reason("kept-for-ever", sure, "its deletion_seconds is 0: it is kept until somebody deletes it")
        return
    at = later(facts.job.row.completed_on, limit)
    if at is None:
        return
    text = f"maintenance deletes it any time after {stamp(at, facts.now)}; it passes every 24h by default"
    yield Reason("deleted-at", Holds.CERTAIN, text, until=at)


def _purge(facts: JobFacts) -> Reason:
    moved = facts.job.fields.get("archived_on")
    if facts.era.stored:
        at = f" {when(moved, facts.now)}" if isinstance(moved, datetime) else ""
        text = f"it was moved to bossctl's own archive{at}, where pg-boss neither sees nor removes it"
        return Reason("archived", Holds.CERTAIN, text)
    if not isinstance(moved, datetime):
        return Reason("archived", Holds.CERTAIN, "it is in the archive")
    at = later(moved, PURGED_AFTER)
    told = f" by default: {when(at, facts.now)}" if at else " by default"
    text = f"it was archived {when(moved, facts.now)}, and the archive is purged after 7 days{told}"
    text += "; the true limit (deleteAfter…) is in the client's options"
    return Reason("archived", Holds.CERTAIN, text, until=at)
