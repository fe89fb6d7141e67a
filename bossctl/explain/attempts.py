"""What each attempt is known to have done, and what nobody can know any more (FACTS: what the rows can prove)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from bossctl.explain.words import reason_key, shown, some
from bossctl.explain.workers import holder_of
from bossctl.models.explain_facts import JobFacts
from bossctl.models.explanation import Attempt, Holds, Unknown
from bossctl.models.history import failure_reason, fetches

INFLATED = range(27, 31)
"""Schema numbers of 12.6 to 12.18, whose local group limits put fetched jobs back."""


@dataclass(frozen=True)
class _Signature:
    """A reason that pg-boss itself records: what it proves, and what it leaves open."""

    outcome: str
    text: str


_OVERRAN = _Signature(
    "overran", "given up because its handler outlasted the expiry; the handler was still running then"
)
_EXPIRED = _Signature("expired", "given up by maintenance past its expiry; whether its handler ended is not known")
_SILENT = _Signature("heartbeat-lost", "given up because no heartbeat came; its worker may have lived")
_SHUT = _Signature("shut-down", "given back by a shutdown while its handler ran; the handler may have gone on")
_DATABASE = _Signature(
    "database-error", "failed by an error of PostgreSQL: the handler's own statement, or the completion of work done"
)
OPEN_ENDED = ("overran", "expired", "heartbeat-lost", "shut-down", "database-error")
"""Outcomes after which the work may be done all the same."""


def signature(text: str | None) -> _Signature | None:
    """Which of pg-boss's own reasons an output is; None for any other."""
    message = reason_key(text) or ""
    if message.startswith("handler execution exceeded "):
        return _OVERRAN
    if message in ("job timed out", "job failed by timeout in active state"):
        return _EXPIRED
    if message == "job heartbeat timeout":
        return _SILENT
    if message == "pg-boss shut down while active":
        return _SHUT
    return _DATABASE if _of_postgres(text) else None


def _of_postgres(text: str | None) -> bool:
    try:
        value = json.loads(text) if text else None
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and {"code", "severity", "routine"} <= value.keys()


def outcome_of(output: object) -> str:
    """`, failed: …` for a stored output; empty without one."""
    cause = failure_reason(output) if isinstance(output, str) else None
    return f"; it failed: {shown(cause)}" if cause else ""


def attempts(facts: JobFacts) -> tuple[Attempt, ...]:
    """Every fetch that is proven, oldest first; those of which equally little is known are one entry."""
    return tuple(_attempts(facts))


def _attempts(facts: JobFacts) -> Iterator[Attempt]:
    row = facts.job.row
    last = fetches(row)
    recorded = last - 1 if row.state == "active" else 0
    told = last > 1 and recorded and facts.job.output.text is not None
    silent = last - (2 if told else 1)
    if silent > 0:
        text = "fetched and not completed, as a later fetch shows; when and why is overwritten"
        yield Attempt(1, silent, "unknown", Holds.CERTAIN, text)
    if told:
        yield _failure(facts, recorded, started=False)
    if last:
        yield _last(facts, last)


def _failure(facts: JobFacts, number: int, *, started: bool) -> Attempt:
    row, text = facts.job.row, facts.job.output.text
    found, cause = signature(text), failure_reason(text)
    words = found.text if found else "failed"
    quoted = f" ({shown(cause)})" if cause and found else f": {shown(cause)}" if cause else "; why is not recorded"
    ended = row.completed_on if row.state in ("failed", "expired") else None
    return Attempt(
        number,
        number,
        found.outcome if found else "failed",
        Holds.CERTAIN,
        f"{words}{quoted}",
        row.started_on if started else None,
        ended,
    )


def _last(facts: JobFacts, number: int) -> Attempt:
    row = facts.job.row

    def told(outcome: str, text: str, holds: Holds = Holds.CERTAIN) -> Attempt:
        ended = row.completed_on if row.state not in ("created", "retry", "active") else None
        return Attempt(number, number, outcome, holds, text, row.started_on, ended)

    match row.state:
        case "active":
            return told("running", "fetched, and not settled yet")
        case "completed":
            sure = Holds.CERTAIN if facts.era.fenced or not row.retry_count else Holds.LIKELY
            late = (
                "" if sure is Holds.CERTAIN else "; up to 12.34 a former attempt's late completion counts as this one's"
            )
            return told("completed", f"completed{late}", sure)
        case "cancelled":
            return told("cancelled", "fetched; cancelled while it ran or while it waited again", Holds.POSSIBLE)
        case "expired":
            return told("expired", _EXPIRED.text)
        case "created":
            return told("unknown", "fetched, then cancelled and resumed, or restored; what it did is not recorded")
    if facts.job.output.text is None:
        if row.state == "retry" and facts.era.generation == "8-9":
            return told("expired", "given up by maintenance past its expiry, which records nothing", Holds.LIKELY)
        return told("unknown", "ended without a recorded reason")
    return _failure(facts, number, started=True)


def unknowns(facts: JobFacts, known: tuple[Attempt, ...]) -> tuple[Unknown, ...]:
    """The questions that stay open, and why."""
    return tuple(_unknowns(facts, known))


def _unknowns(facts: JobFacts, known: tuple[Attempt, ...]) -> Iterator[Unknown]:
    row, times = facts.job.row, fetches(facts.job.row)
    if times > 1:
        text = f"when attempts 1 to {times - 1} started" if times > 2 else "when attempt 1 started"
        yield Unknown("attempt-times", f"{text}: started_on keeps the last fetch only")
    if times > 1 and row.state == "completed":
        former = some(times - 1, "former attempt")
        text = f"why the {former} did not complete: the completion overwrote what was recorded"
        yield Unknown("attempt-causes", text)
    if times:
        if row.state != "active" or not any(holder_of(facts)):
            yield Unknown("worker", "which process ran it: rows do not record that")
        yield from _effects(known)
        yield from _counts(facts)
    elif row.completed_on is not None and row.state in ("created", "retry", "active"):
        yield Unknown("fetches", "how often it ran: it had ended, and something reset its counters")
    if row.state == "failed" and (row.dead_letter or facts.queue.dead_letter) and not facts.era.source_link:
        yield Unknown("dead-letter-link", "which job is its dead letter: copies name their original since 12.23.0")
    if not facts.era.stored and row.completed_on is not None and not row.archived:
        yield Unknown("archive-limit", "when it is archived: up to 10 the limits are in the client's options")
    for text in facts.unseen:
        yield Unknown("not-seen", text)


def _effects(known: tuple[Attempt, ...]) -> Iterator[Unknown]:
    doubtful = [one for one in known if one.outcome in OPEN_ENDED]
    if doubtful:
        numbers = ", ".join(str(one.attempt) for one in doubtful)
        text = f"whether attempt {numbers} had done its work: {doubtful[-1].outcome} says only why it was given up"
        yield Unknown("handler-end", text)
    elif known[-1].outcome in ("running", "unknown", "cancelled"):
        text = "whether its handler started and how far it came: a fetch is recorded, a handler's steps are not"
        yield Unknown("handler", text)


def _counts(facts: JobFacts) -> Iterator[Unknown]:
    if facts.era.generation == "8-9":
        yield Unknown("resumes", "whether it was resumed and ran more often: 8 and 9 count retries only")
    number, count = facts.era.number, facts.job.row.retry_count
    if count and facts.job.fields.get("group_id") is not None and number in INFLATED:
        text = "whether every counted fetch ran: 12.6 to 12.17 put jobs back that a local group limit refused"
        yield Unknown("restored", text)
