"""A selection and an action put together for one schema: what the engine's statements are filled with."""

from __future__ import annotations

from dataclasses import dataclass, field

from bossctl.actions.jobs.kind import Kind
from bossctl.models.jobactions import ActionRequest
from bossctl.sql import Queries
from bossctl.sql.changes import eligible, reason, retained
from bossctl.sql.selection import Selection, select
from bossctl.sql.text import Composable


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
        selection = select(request.selector, queries.catalog)
        source = kind.change.source or queries.relation("job")
        return cls(request, kind, queries, selection, source, {**selection.values, **kind.change.values})

    @property
    def reason(self) -> Composable:
        """Why a job is skipped; NULL for an eligible one."""
        return reason(self.kind.change, self.queries.catalog)

    @property
    def eligible(self) -> Composable:
        """The same as a condition."""
        return eligible(self.kind.change, self.queries.catalog)

    @property
    def retained(self) -> Composable:
        """Whether the counters of schema 46 hold this job among the finished ones."""
        return retained(self.queries)
