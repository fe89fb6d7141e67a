"""A selection and an action put together for one schema: what the engine's statements are filled with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.kind import Kind
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.selector import Ids, QueueGlob, Selector, terms
from bossctl.sql import Queries
from bossctl.sql.at_once import GONE
from bossctl.sql.changes import NO_PLACE, NOT_JOINED, PLACE, eligible, reason, retained, target
from bossctl.sql.relations import placed_rows, row_columns
from bossctl.sql.selection import Selection, select
from bossctl.sql.text import Composable
from bossctl.store.session import Transaction

OWN_JOBS = ("pg-boss-own", "starts_with(j.name, '__pgboss__')")
"""Jobs by which pg-boss schedules and maintains: a selection takes them only where it names them."""


@dataclass(frozen=True)
class Selected:
    """One request compiled. `source` is where its jobs are, `values` what all its statements have bound."""

    request: ActionRequest
    kind: Kind
    queries: Queries
    selection: Selection
    source: Composable
    values: dict[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, request: ActionRequest, kind: Kind, queries: Queries) -> Selected:
        """Compile a request. Only restore looks into the archive, whatever the selection widens."""
        archived = request.action is JobAction.RESTORE
        selection = select(request.selector, queries.catalog, archived=archived)
        if request.action not in (JobAction.UNDO, JobAction.RESTORE) and not _names_own(request.selector):
            kind = replace(kind, change=replace(kind.change, reasons=(OWN_JOBS, *kind.change.reasons)))
        source = kind.change.source or placed_rows(queries.catalog)
        return cls(request, kind, queries, selection, source, {**selection.values, **kind.change.values})

    def locking(self, queries: Queries, chosen: Chosen, slotted: Composable, line: Composable) -> Composable:
        """The statement that locks what is still eligible of these jobs and tells what must be known of each."""
        query = queries.get(
            "action_locking",
            acted=self.source,
            chosen=chosen.where,
            place=self.place,
            joined=self.kind.change.joined or NOT_JOINED,
            where=self.selection.where,
            eligible=self.still_eligible(),
            retained=self.retained,
            slotted=slotted,
            line=line,
        )
        return query.text

    def taking(self, queries: Queries, chosen: Chosen) -> tuple[Composable, Composable]:
        """The statement that deletes them, and the one that tells the same of what it has deleted."""
        query = queries.get(
            "action_taking",
            chosen=chosen.where,
            row_columns=row_columns(queries.catalog),
            where=self.selection.where,
            eligible=self.still_eligible(keyed=False),
        )
        return query.text, queries.get("action_taken", retained=self.retained, gone=GONE).text

    async def targets(self, transaction: Transaction, queues: Sequence[str]) -> Sequence[str]:
        """The queues the jobs are in once it is done: those they are in now unless the action moves them."""
        if "name" not in self.kind.change.after:
            return queues
        rows = await transaction.rows(
            "action_targets",
            {**self.values, "names": list(queues)},
            acted=self.source,
            target=target(self.kind.change),
            where=self.selection.where,
            eligible=self.eligible,
        )
        return [row["queue"] for row in rows]

    @property
    def place(self) -> Composable:
        """Where a row lies; NULL where it is not one of the job table itself."""
        return NO_PLACE if self.kind.change.source else PLACE

    @property
    def reason(self) -> Composable:
        """Why a job is skipped; NULL for an eligible one."""
        return reason(self.kind.change, self.queries.catalog)

    @property
    def eligible(self) -> Composable:
        """The same as a condition."""
        return eligible(self.kind.change, self.queries.catalog)

    def still_eligible(self, *, keyed: bool = True) -> Composable:
        """The same for the rows of a batch, with or without what the unique keys find where they are written to."""
        return eligible(self.kind.change, self.queries.catalog, some=True, keyed=keyed)

    @property
    def retained(self) -> Composable:
        """Whether the counters of schema 46 hold this job among the finished ones."""
        return retained(self.queries)


def _names_own(selector: Selector) -> bool:
    """Whether jobs of pg-boss's own queues are meant, by name or by id."""
    return any(
        isinstance(term, Ids) or (isinstance(term, QueueGlob) and term.pattern.startswith("__"))
        for term in terms(selector)
    )
