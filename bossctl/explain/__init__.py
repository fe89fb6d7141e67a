"""Why has this job not run, or what did it do? Facts are read in one snapshot; the rules over them are pure.

`waiting`, `running` and `ended` give the reasons by the job's state, `attempts` what each fetch is known to have done,
`verdict` the one sentence. A new reason is one generator named in its state's list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bossctl.explain.attempts import attempts, unknowns
from bossctl.explain.ended import ended, origin
from bossctl.explain.running import running
from bossctl.explain.verdict import ASIDE, next_words, verdict
from bossctl.explain.waiting import waiting
from bossctl.models.explanation import Explanation, Holds, Reason

if TYPE_CHECKING:
    from bossctl.models.explain_facts import JobFacts
    from bossctl.store import Store

__all__ = ["explain", "explanation"]


async def explain(store: Store, job_id: str, *, full: bool = False) -> tuple[Explanation, ...]:
    """Every row with this id, explained, the live one first; payloads are cut unless `full`.

    Raises NotFound, UsageError (no id) and Unreachable.
    """
    return tuple(map(explanation, await store.job_facts(job_id, full=full)))


def explanation(facts: JobFacts) -> Explanation:
    """What the facts amount to."""
    reasons = tuple(_reasons(facts))
    known = attempts(facts)
    return Explanation(
        job=facts.job,
        verdict=verdict(facts, reasons),
        reasons=reasons,
        attempts=known,
        unknown=unknowns(facts, known),
        next=next_words(facts, reasons),
    )


def _reasons(facts: JobFacts) -> list[Reason]:
    state = facts.job.row.state
    if state in ("created", "retry"):
        found = list(waiting(facts))
        if all(one.code in ASIDE for one in found):
            found.insert(0, _ready())
        return [*found, *origin(facts)]
    return [*running(facts), *origin(facts)] if state == "active" else list(ended(facts))


def _ready() -> Reason:
    text = "it is due, and nothing in the database holds it back: the next fetch of its queue takes it"
    return Reason("ready", Holds.CERTAIN, text)
