"""What an action would do: counted in one snapshot by the predicate that applying it uses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from bossctl.actions.jobs import records
from bossctl.actions.jobs.kind import Counted
from bossctl.actions.jobs.kinds import kind_of
from bossctl.actions.jobs.selected import Selected
from bossctl.models.jobactions import ActionPlan, ActionRequest
from bossctl.sql.changes import flags
from bossctl.store import Store
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

SAMPLES = 5


async def plan_jobs(store: Store, request: ActionRequest, *, statements: bool = False) -> ActionPlan:
    """Count, and say in words what would happen. Reads only."""
    kind = await kind_of(store, request)
    selected = Selected.of(request, kind, store.session.queries)
    async with store.snapshot() as transaction:
        rows = await counts(transaction, selected)
    queues: Counter[str] = Counter()
    skipped: Counter[str] = Counter()
    samples: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        (queues if row["reason"] is None else skipped)[row["queue" if row["reason"] is None else "reason"]] += row[
            "rows"
        ]
        if len(samples[row["reason"] or "eligible"]) < SAMPLES:
            samples[row["reason"] or "eligible"].append(row["sample"])
    counted = _counted(selected, queues, [row for row in rows if row["reason"] is None])
    said = kind.words(counted)
    return ActionPlan(
        request=request,
        matched=queues.total() + skipped.total(),
        eligible=queues.total(),
        skipped=dict(skipped),
        samples={word: tuple(ids) for word, ids in samples.items()},
        queues=dict(sorted(queues.items())),
        effect=said.effect,
        consequences=said.consequences,
        warnings=said.warnings,
        note=selected.selection.note,
        log=await records.describe(store),
    )


async def counts(transaction: Transaction, selected: Selected) -> list[Row]:
    """Queue, reason, rows, a sample and the kind's facts, in several rows for each queue and reason."""
    columns, counted = flags(selected.kind.change)
    return await transaction.rows(
        "action_counts",
        selected.values,
        source=selected.source,
        where=selected.selection.where,
        reason=selected.reason,
        flags=columns,
        counted=counted,
    )


def _counted(selected: Selected, queues: Counter[str], rows: Iterable[Row]) -> Counted:
    limit = selected.request.limit
    facts: Counter[str] = Counter(dict.fromkeys(selected.kind.change.facts, 0))
    dead_letters: set[str] = set()
    for row in rows:
        for name in facts:
            facts[name] += row[f"fact_{name}"]
        dead_letters |= {row["dead_letter"], row["other_dead_letter"]} - {None}
    jobs = queues.total() if limit is None else min(limit, queues.total())
    return Counted(jobs, dict(queues), dict(facts), tuple(sorted(dead_letters)))
