"""One batch: lock, look again, keep the image, change, count; all in one transaction."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from bossctl.actions.jobs.kind import Batch, Done
from bossctl.actions.jobs.record import NoRecord, Record
from bossctl.actions.jobs.selected import Selected
from bossctl.models.jobactions import ActionOutcome, ActionPlan, Progress
from bossctl.sql.changes import assignments
from bossctl.store import Store
from bossctl.store.session import Transaction

SAMPLES = 5


class Batches:
    """The batches of one operation, and what has become of the jobs so far."""

    def __init__(self, store: Store, selected: Selected, plan: ActionPlan) -> None:
        self.selected = selected
        self.record: Record = NoRecord()
        self._store = store
        self._plan = plan
        self._changed = 0
        self._seen = 0
        self._skipped: Counter[str] = Counter()
        self._samples: dict[str, list[str]] = defaultdict(list)
        self._holders: dict[str, str] = {}

    @property
    def full(self) -> bool:
        """Whether `--limit` is reached."""
        limit = self.selected.request.limit
        return limit is not None and self._changed >= limit

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self._changed, self._seen, self._plan.eligible)

    async def run(self, queue: str, ids: Sequence[str]) -> None:
        """Change what is still eligible of these jobs."""
        limit = self.selected.request.limit
        if limit is not None:
            ids = ids[: limit - self._changed]
        kind = self.selected.kind
        async with self._store.session.write() as transaction:
            locked = {row["id"]: row for row in await self._lock(transaction, queue, ids)}
            taken = [id for id in ids if id in locked]
            batch = Batch(transaction, self.selected.request, kind, queue, taken, self.selected.values, self.record)
            if taken and kind.image != ():
                await self.record.batch(transaction, queue, taken, kind.image)
            done = await (kind.deed or update)(batch)
            await self.record.count(transaction, len(done.changed))
        self._changed += len(done.changed)
        self._seen += len(ids)

    async def _lock(self, transaction: Transaction, queue: str, ids: Sequence[str]) -> list[dict[str, object]]:
        selected = self.selected
        return await transaction.rows(
            "action_lock",
            {**selected.values, "queue": queue, "ids": list(ids)},
            source=selected.source,
            where=selected.selection.where,
            eligible=selected.eligible,
            retained=selected.retained,
        )

    def outcome(self, *, interrupted: bool = False, stopped: str | None = None) -> ActionOutcome:
        """What has been done."""
        return ActionOutcome(
            plan=self._plan,
            changed=self._changed,
            skipped={**self._plan.skipped, **self._skipped},
            samples={reason: tuple(ids) for reason, ids in self._samples.items()},
            holders=self._holders,
            operation=self.record.operation if self._changed else "",
            stopped=stopped,
            interrupted=interrupted,
        )


async def update(batch: Batch) -> Done:
    """The deed of a kind that has none of its own: set the new values."""
    change, catalog = batch.kind.change, batch.transaction.queries.catalog
    rows = await batch.transaction.rows(
        "action_update",
        {**batch.values, "queue": batch.queue, "ids": list(batch.ids)},
        assignments=assignments(change, catalog),
    )
    return Done([row["id"] for row in rows])
