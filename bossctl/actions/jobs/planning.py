"""What an action would do: counted in one snapshot by the predicate that applying it uses."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from bossctl.actions.jobs import at_once, records
from bossctl.actions.jobs.elsewhere import in_archive
from bossctl.actions.jobs.kind import Counted, Kind
from bossctl.actions.jobs.kinds import kind_of
from bossctl.actions.jobs.limits import checked
from bossctl.actions.jobs.selected import Selected
from bossctl.actions.jobs.slots import Slots
from bossctl.actions.jobs.tally import SAMPLES
from bossctl.format import exact_duration
from bossctl.models.jobactions import ActionPlan, ActionRequest
from bossctl.selector import is_archived_scope
from bossctl.sql.changes import BY_ID, NO_LINE, NOT_JOINED, assignments, flags
from bossctl.sql.selection import NEVER
from bossctl.sql.text import id_array
from bossctl.sql.writes import Write
from bossctl.store import Store
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

AS_ONE = "/* sent as one statement where no other session is in the way */ "


async def plan_jobs(store: Store, request: ActionRequest, *, statements: bool = False) -> ActionPlan:
    """Count, and say in words what would happen. Reads only. Raises UsageError and Unsupported."""
    checked(request)
    kind = await kind_of(store, request)
    selected = Selected.of(request, kind, store.session.queries)
    async with store.snapshot() as transaction:
        found = Found()
        for row in await counts(transaction, selected):
            found.add(row)
        if found.queues:
            targets = await selected.targets(transaction, sorted(found.queues))
            slots = await Slots.read(transaction, selected, targets)
            found.take(await slots.counted(transaction))
    matched = found.queues.total() + found.unfit.total()
    elsewhere = await in_archive(store, request.selector, matched) if kind.change.source is None else ()
    said = kind.words(found.counted(request.limit))
    return ActionPlan(
        request=request,
        matched=matched,
        eligible=found.queues.total(),
        skipped=dict(sorted((found.unfit + found.taken).items())),
        samples={word: tuple(ids) for word, ids in found.samples.items()},
        holders=found.holders,
        queues=dict(sorted(found.queues.items())),
        effect=said.effect,
        consequences=(*said.consequences, *_spread(request)) if found.queues else (),
        warnings=(*said.warnings, *_archived(request, kind), *elsewhere),
        note=selected.selection.note,
        log=await records.describe(store),
        statements=statements_of(selected, found) if statements else (),
        for_good=said.for_good,
    )


class Found:
    """What was counted."""

    def __init__(self) -> None:
        self.queues: Counter[str] = Counter()
        self.unfit: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        self.samples: dict[str, list[str]] = defaultdict(list)
        self.holders: dict[str, str] = {}
        self._facts: Counter[str] = Counter()
        self._dead_letters: set[str] = set()

    def add(self, row: Row) -> None:
        """One group of jobs."""
        reason = row["reason"]
        self._sample(reason or "eligible", [row["sample"]])
        if reason is not None:
            self.unfit[reason] += row["rows"]
            return
        self.queues[row["queue"]] += row["rows"]
        self._dead_letters |= {row["dead_letter"], row["other_dead_letter"]} - {None}
        for name, value in row.items():
            if name.startswith("fact_"):
                self._facts[name.removeprefix("fact_")] += value

    def take(self, rows: Iterable[Row]) -> None:
        """Jobs of a queue whose slots are taken."""
        for row in rows:
            self.taken["slot-taken"] += row["rows"]
            self._sample("slot-taken", list(dict.fromkeys(id for id, _ in row["samples"])))
            self.holders |= {id: holder for id, holder in row["samples"] if id in self.samples["slot-taken"]}

    def counted(self, limit: int | None) -> Counted:
        """For the words."""
        free = self.queues.total() - self.taken.total()
        jobs = free if limit is None else min(limit, free)
        facts = Counter({name: min(rows, jobs) for name, rows in self._facts.items()})
        return Counted(jobs, dict(self.queues), facts, tuple(sorted(self._dead_letters)))

    def _sample(self, word: str, ids: Sequence[str]) -> None:
        self.samples[word] = [*self.samples[word], *ids][:SAMPLES]


async def counts(transaction: Transaction, selected: Selected) -> list[Row]:
    """Queue, reason, rows, a sample and the kind's facts, in several rows for each queue and reason."""
    columns, counted = flags(selected.kind.change)
    slots = {"acted": selected.source, "where": selected.selection.where, "reason": selected.reason}
    return await transaction.rows("action_counts", selected.values, **slots, flags=columns, counted=counted)


def _spread(request: ActionRequest) -> Iterable[str]:
    if request.spread_seconds is not None:
        yield f"their due times are spread evenly over {exact_duration(request.spread_seconds)}, the oldest job first"


def _archived(request: ActionRequest, kind: Kind) -> Iterable[str]:
    if kind.change.source is None and is_archived_scope(request.selector):
        yield f"{request.action} leaves archived jobs alone: restore them first"


def statements_of(selected: Selected, found: Found) -> tuple[str, ...]:
    """What a batch does with the sampled jobs, step by step; where nothing stands in the way it is sent as one."""
    queue = next(iter(found.queues), "")
    ids = id_array(found.samples.get("eligible", ()))
    step = (selected.request.spread_seconds or 0) / max(1, found.queues.total())
    spread = {"spread_from": "now", "spread_step": step, "spread_done": 0}
    values = {**selected.values, **spread, "queue": queue, "ids": ids, "new_ids": "{…}"}
    chosen = {"chosen": BY_ID}
    slots = {
        **chosen,
        "acted": selected.source,
        "where": selected.selection.where,
        "eligible": selected.still_eligible(),
    }
    writes = [
        Write(
            "action_locking",
            values,
            {
                **slots,
                "retained": selected.retained,
                "slotted": NEVER,
                "joined": NOT_JOINED,
                "line": NO_LINE,
                "place": selected.place,
            },
        )
    ]
    kind, queries = selected.kind, selected.queries
    if kind.deed is None:
        writes.append(
            Write("action_update", values, {**chosen, "assignments": assignments(kind.change, queries.catalog)})
        )
    writes += [Write(name, values, more) for name, more in kind.statements]
    locking, *deeds = (write.written(queries) for write in writes)
    return (f"{AS_ONE if at_once.possible(selected) else ''}{locking}", *deeds)
