"""What must be true of the jobs after chaos: where each is, how often it ran, and that the log tells it all."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from bossctl.actions.jobs import filelog, records
from bossctl.errors import Refused
from bossctl.models.findings import Report, Severity
from bossctl.models.jobactions import Operation
from bossctl.store import Store
from tests.support.chaos import DEAD, QUEUES, Chaos, Ran
from tests.support.recording import places, undo
from tests.support.stores import open_store

REPORT = "BOSSCTL_CHAOS"
"""Names a file that gets the figures of each run, a JSON object a line."""
WAITING = ("created", "retry")
FINISHED = ("completed", "failed", "cancelled", "expired")
GONE = None
Step = tuple[str | None, str | None]

RUNS_AGAIN: Mapping[str, set[Step]] = {
    "retry": {("failed", "retry"), ("expired", "retry"), ("active", "retry")},
    "resume": {("cancelled", "created")},
}
STEPS: Mapping[str, set[Step]] = {
    **RUNS_AGAIN,
    "cancel": {(state, "cancelled") for state in (*WAITING, "active")},
    "archive": {(state, GONE) for state in FINISHED},
    "restore": {(GONE, state) for state in FINISHED},
    "delete": {(state, GONE) for state in (*WAITING, *FINISHED)},
    "undo": {
        *(("retry", state) for state in ("failed", "expired")),
        *(("cancelled", state) for state in WAITING),
        ("created", "cancelled"),
        *((GONE, state) for state in (*WAITING, *FINISHED)),
        *((state, GONE) for state in FINISHED),
    },
}
"""What each action may do to a job, as state before and after; none makes a job active."""

EXPLAINS: Mapping[str, tuple[str, ...]] = {"DUP13": ("retry", "undo")}
"""Which findings at warning or above an operation may bring about, on jobs it acted on.

DUP13: a failed job is put back although the copy of it in its dead-letter queue was worked on.
"""


@dataclass(frozen=True)
class Change:
    """One line of the history."""

    id: str
    process: int | None
    before: str | None
    after: str | None


class Verdict:
    """The checks; each raises AssertionError. `figures` is what was seen."""

    def __init__(self, chaos: Chaos) -> None:
        self.chaos = chaos
        self.database = chaos.database
        self.ran: dict[int, Ran] = {ran.number: ran for ran in chaos.ran}
        self.log: tuple[Operation, ...] = ()
        self.history = self._history()
        self.deleted_by: set[str] = set()
        self.figures: dict[str, Any] = {}

    def _history(self) -> dict[str, list[Change]]:
        rows = self.database.execute(
            "SELECT id::text, process, before, after FROM chaos.history WHERE queue = ANY (%s) ORDER BY id, number",
            [[*QUEUES, DEAD]],
        )
        return {id: [Change(*row) for row in found] for id, found in groupby(rows, lambda row: row[0])}

    async def all(self, report: Report) -> None:
        """Every check; `report` is the doctor's."""
        async with await open_store(self.database) as store:
            self.log = await records.operations(store, limit=10_000)
            images = await self._images(store)
        self.endings()
        self.steps()
        self.told()
        self.places(images)
        self.executions()
        self.explained(report)
        await self.deletions_undone()

    def write(self) -> None:
        """Add the figures to the file that the environment names, if any."""
        path = os.environ.get(REPORT)
        if path:
            with Path(path).open("a") as file:
                file.write(json.dumps({"release": self.chaos.release, **self.figures}) + "\n")

    def endings(self) -> None:
        """No process failed but for the outage: done, nothing to do, or partly done."""
        down_from, down_until = self.chaos.down
        for ran in self.ran.values():
            assert "Traceback" not in ran.talk, ran
            met_outage = ran.began < down_until + 1 and ran.ended > down_from
            assert ran.exit in ((None, 0, 3, 5, 6) if met_outage else (None, 0, 5, 6)), ran
        self.figures["operations"] = len(self.ran)
        self.figures["killed"] = sum(ran.exit is None for ran in self.ran.values())
        self.figures["met the outage"] = sum(
            ran.began < down_until and ran.ended > down_from for ran in self.ran.values()
        )

    def steps(self) -> None:
        """What bossctl's processes did to the rows is what their action does."""
        for changes in self.history.values():
            for change in changes:
                if change.process is not None:
                    ran = self.ran[change.process]
                    assert (change.before, change.after) in STEPS[ran.action], (change, ran.arguments)

    def told(self) -> None:
        """The log has every row that was changed, and no other: also of what was killed."""
        every = (change.process for changes in self.history.values() for change in changes)
        done = Counter(process for process in every if process is not None)
        for number, rows in done.items():
            operation = self.ran[number].answer.get("operation")
            if operation:
                [told] = [one for one in self.log if one.operation == operation]
                assert told.changed == rows, (told, self.ran[number])
        acted: Counter[str] = Counter()
        for number, rows in done.items():
            acted[self.ran[number].action] += rows
        logged: Counter[str] = Counter()
        for one in self.log:
            logged[one.action] += one.changed
        assert logged == acted
        assert sum(one.changed > 0 for one in self.log) == len(done)
        self.figures["changed"] = dict(sorted(acted.items()))
        self.figures["killed amid"] = sum(self.ran[number].exit is None for number in done)

    async def _images(self, store: Store) -> dict[str, set[str]]:
        """Id → the operations whose records hold its whole row."""
        found: dict[str, set[str]] = {}
        for operation in self.log:
            logged = await records.find(store, operation.operation)
            for stored in filelog.transactions(logged.path) if logged.path else ():
                for batch in stored:
                    if batch.kind == "gone":
                        place = batch.columns.index("id")
                        for line in batch.lines:
                            found.setdefault(json.loads(line)[place], set()).add(operation.operation)
        if store.catalog.has("own:image"):
            kept = "SELECT id::text, bossctl_operation FROM bossctl.image WHERE bossctl_kind = 'gone'"
            for id, operation in self.database.execute(kept):
                found.setdefault(id, set()).add(operation)
        return found

    def places(self, images: Mapping[str, set[str]]) -> None:
        """Every job ever sent is in exactly one table, or was deleted with its image kept."""
        found = places(self.database)
        seen: Counter[str] = Counter()
        for id, changes in self.history.items():
            where = found.get(id, [])
            assert len(where) <= 1, (id, where, changes)
            if where:
                seen[where[0]] += 1
                continue
            last = changes[-1]
            assert last.after is None, changes
            assert last.process is not None, ("pg-boss removed it", changes)
            assert self.ran[last.process].action in ("delete", "undo"), (self.ran[last.process], changes)
            self.deleted_by |= images[id]
            seen["deleted"] += 1
        sent = self.database.value("SELECT count(*) FROM chaos.history WHERE before IS NULL AND process IS NULL")
        self.figures["jobs"] = len(self.history)
        self.figures["places"] = dict(sorted(seen.items()))
        assert sent >= self.chaos.jobs

    def explained(self, report: Report) -> None:
        """The doctor alarms of nothing that the logged operations did not bring about themselves, job by job."""
        acted: dict[str, set[str]] = {}
        for id, changes in self.history.items():
            for change in changes:
                if change.process is not None:
                    acted.setdefault(self.ran[change.process].action, set()).add(id)
        alarming = [one for one in report.findings if one.severity.rank <= Severity.WARNING.rank]
        for one in alarming:
            jobs = set().union(*(acted.get(action, ()) for action in EXPLAINS.get(one.code, ())))
            assert set(one.jobs) <= jobs, one
            assert 0 < one.count <= len(jobs), one
        assert {check.reason for check in report.checks if check.reason and not check.reason.startswith("era")} == set()
        self.figures["doctor"] = {one.code: one.count for one in alarming}

    async def deletions_undone(self) -> None:
        """Taking back what was deleted brings everybody back, and nobody twice."""
        took_back: dict[str, tuple[int, Mapping[str, int]]] = {}
        for one in self.log:
            if one.operation in self.deleted_by:
                with suppress(Refused):
                    outcome = await undo(self.database, one.operation)
                    took_back[f"{one.action} {one.operation}"] = outcome.changed, outcome.skipped
        back, deleted = sum(changed for changed, _ in took_back.values()), self.figures["places"].get("deleted", 0)
        self.figures["brought back"] = back
        found = places(self.database)
        missing = [id for id in self.history if not found.get(id)]
        assert back == deleted, f"{deleted} were deleted, {back} came back by {took_back}; missing are {missing[:9]}"
        assert {id: len(found.get(id, ())) for id in self.history if len(found.get(id, ())) != 1} == {}

    def executions(self) -> None:
        """No handler began more often than pg-boss took the job, nor pg-boss than somebody let it."""
        runs = Counter(
            {str(id): count for id, count in self.database.execute("SELECT job, count(*) FROM chaos.run GROUP BY 1")}
        )
        assert runs.keys() <= self.history.keys()
        again: Counter[str] = Counter()
        for id, changes in self.history.items():
            fetched = sum(change.after == "active" for change in changes)
            turns = self._turns(changes, again)
            assert runs[id] <= fetched <= turns, (id, runs[id], changes)
        self.figures["executions"] = runs.total()
        self.figures["executed"] = len(runs)
        self.figures["again"] = dict(sorted(again.items()))

    def _turns(self, changes: list[Change], again: Counter[str]) -> int:
        """How often a job was let wait: sent once, then put back by pg-boss or by what the log has."""
        turns = 0
        for change in changes:
            action = "pg-boss" if change.process is None else self.ran[change.process].action
            if change.after in WAITING and change.before not in WAITING:
                turns += 1
                if change.before is not None:
                    again[action] += 1
                    assert action in ("pg-boss", "retry", "resume", "undo"), changes
            elif change.before in WAITING and change.after != "active":
                turns -= 1  # taken off before it ran
        return turns
