"""Whether anybody maintains the schema: without, nothing expires, is retried after an expiry, released or removed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bossctl.explain.words import some, when
from bossctl.format import duration
from bossctl.models.explain_facts import JobFacts
from bossctl.models.explanation import Holds, Reason

SILENT_SECONDS = {"8-9": 600.0, "10": 600.0, "11-12": 300.0}
"""Up to 10 maintenance comes every two minutes by default, from 11 on every minute."""

PASS_SECONDS = {"8-9": 120.0, "10": 120.0, "11-12": 60.0}
YOUNG_SECONDS = 600.0


def supervised(facts: JobFacts) -> bool:
    """Whether a sign of maintenance is young enough, or told to be late."""
    newest = _newest(facts)
    if newest is not None and (facts.now - newest).total_seconds() <= _allowed(facts):
        return True
    return facts.backoff_until is not None and facts.backoff_until > facts.now


def supervision(facts: JobFacts) -> Iterator[Reason]:
    """Nobody maintains."""
    created = facts.job.row.created_on
    newest, registry = _newest(facts), facts.registry
    if supervised(facts) or not facts.stamps:
        return
    nobody = registry is not None and registry.registered > 0 and not registry.supervising
    if newest is None and not nobody and created and (facts.now - created).total_seconds() < YOUNG_SECONDS:
        return
    sign = _sign(newest, facts)
    who = ""
    if nobody and registry:
        who = f", and of {some(registry.registered, 'registered instance')} none is alive and supervises"
    text = f"nobody maintains this schema ({sign}{who}): nothing expires, is retried after an expiry"
    text += ", released from a flow or removed" if facts.era.resolver else " or removed"
    yield Reason("no-supervisor", Holds.CERTAIN if nobody else Holds.LIKELY, text)


def grace(facts: JobFacts) -> float:
    """Two maintenance intervals in seconds: how long after its time a job may stay as it is."""
    return 2 * (facts.interval_seconds or PASS_SECONDS[facts.era.generation])


def _newest(facts: JobFacts) -> datetime | None:
    return max((at for at in facts.stamps.values() if at is not None), default=None)


def _allowed(facts: JobFacts) -> float:
    return max(SILENT_SECONDS[facts.era.generation], 3 * (facts.interval_seconds or 0))


def _sign(newest: datetime | None, facts: JobFacts) -> str:
    if newest is None:
        return f"{' and '.join(facts.stamps)} never set"
    name = next(column for column, at in facts.stamps.items() if at == newest)
    return f"last sign: {name} {when(newest, facts.now)}, where {duration(_allowed(facts))} is long"
