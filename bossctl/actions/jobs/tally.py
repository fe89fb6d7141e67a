"""What has become of the jobs of an operation so far."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from bossctl.format import clean
from bossctl.models.jobactions import ActionOutcome, ActionPlan, Progress

SAMPLES = 5


class Tally:
    """Counts of an operation, fed by committed batches only."""

    def __init__(self, plan: ActionPlan) -> None:
        self.changed = 0
        self.seen = 0
        self._plan = plan
        self._skipped: Counter[str] = Counter()
        self._samples: dict[str, list[str]] = defaultdict(list)
        self._holders: dict[str, str] = {}
        self.notes: list[str] = []

    @property
    def wanted(self) -> int:
        """How many jobs are to be changed at most."""
        limit = self._plan.request.limit
        return self._plan.eligible if limit is None else min(limit, self._plan.eligible)

    @property
    def left(self) -> int | None:
        """How many more `--limit` allows."""
        limit = self._plan.request.limit
        return None if limit is None else limit - self.changed

    @property
    def touched(self) -> bool:
        """Whether any job was, or may have been, changed."""
        return bool(self.changed or self.notes)

    def over(self, *, complete: bool) -> bool:
        """Whether running it again has nothing left; `complete` as in `outcome`."""
        return (complete or self.left == 0) and not self._skipped["locked"]

    @property
    def progress(self) -> Progress:
        """How far it is."""
        return Progress(self.changed, self.seen, self.wanted)

    def change(self, ids: Sequence[str]) -> None:
        """These were changed."""
        self.changed += len(ids)
        self._sample("changed", ids)

    def skip(self, reason: str, ids: Sequence[str]) -> None:
        """These were left for this reason."""
        self._skipped[reason] += len(ids)
        self._sample(reason, ids)

    def hold(self, holders: Mapping[str, str]) -> None:
        """id → holder of the slot it would take; those among the samples are kept."""
        self._holders |= {id: holders[id] for id in self._samples["slot-taken"] if id in holders}

    def uncertain(self, queue: str, ids: Sequence[str]) -> None:
        """Nobody can say whether these were changed."""
        count = f"{len(ids):,} job{'' if len(ids) == 1 else 's'}"
        self.notes.append(
            f'a batch of {count} of queue "{clean(queue)}" was sent to the server and may or may not have been done;'
            f" its first job is {ids[0]}"
        )

    def outcome(
        self, operation: str, *, interrupted: bool = False, stopped: str | None = None, complete: bool = True
    ) -> ActionOutcome:
        """What has been done. `complete` says that every job of the plan was looked at."""
        skipped = Counter({reason: count for reason, count in self._plan.skipped.items() if reason != "slot-taken"})
        skipped.update(self._skipped)
        missing = self._plan.eligible - self.seen
        if complete and self.left is None and missing > 0:
            skipped["changed-meanwhile"] += missing
        samples = {reason: list(ids) for reason, ids in self._plan.samples.items() if reason in skipped}
        for reason, ids in self._samples.items():
            samples[reason] = list(dict.fromkeys([*ids, *samples.get(reason, ())]))[:SAMPLES]
        return ActionOutcome(
            plan=self._plan,
            changed=self.changed,
            skipped={reason: count for reason, count in sorted(skipped.items()) if count},
            samples={reason: tuple(ids) for reason, ids in samples.items() if ids},
            holders=dict(self._holders),
            operation=operation if self.changed else "",
            stopped=stopped,
            interrupted=interrupted,
            warnings=tuple(self.notes),
        )

    def _sample(self, reason: str, ids: Iterable[str]) -> None:
        self._samples[reason] = [*self._samples[reason], *ids][:SAMPLES]
