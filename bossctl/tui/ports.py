"""What the terminal UI is handed: somebody who reads, somebody who changes, somebody who diagnoses.

`bossctl.store.Store` and `bossctl.actions.Operator` fit these protocols by their shape; nothing of them is imported.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bossctl.models.activity import NextRun, QueueActivity, QueueLatency, Span
    from bossctl.models.common import Target
    from bossctl.models.explain_facts import JobFacts
    from bossctl.models.findings import Report
    from bossctl.models.job_errors import JobErrors
    from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, Operation, Progress
    from bossctl.models.joborders import OrderOffer
    from bossctl.models.jobs import Job, JobPage, JobRow
    from bossctl.models.operations import EnsureResult, QueueDeletion, QueueForm, QueueSpec
    from bossctl.models.oplog import OperationRecord
    from bossctl.models.pulse import Pulse
    from bossctl.models.queues import QueueDetail, QueueOverview
    from bossctl.models.relatives import Relatives
    from bossctl.models.schedules import ScheduleBook
    from bossctl.models.schema import Info
    from bossctl.models.statements import Statement
    from bossctl.models.undo import UndoPlan
    from bossctl.models.upkeep import Duties, Horizon, IndexHealth, MigrationWork, StoredWarnings, TableRooms
    from bossctl.models.workers import Workers
    from bossctl.selector import Path, Selector


class Reader(Protocol):
    """Reads a pg-boss schema. Every method raises BossctlError and nothing else when it cannot."""

    @property
    def target(self) -> Target:
        """Where we are connected."""
        ...

    @property
    def ahead(self) -> timedelta | None:
        """How far the server's clock is ahead of ours, as last seen."""
        ...

    def recording(self) -> AbstractContextManager[list[Statement]]:
        """Keep what is run in the block by this task, in order."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...

    async def info(self) -> Info:
        """Server, schema, capabilities."""
        ...

    async def landmarks(self) -> tuple[int | None, bool]:
        """The schema's number and whether the server is a standby: whether there is more to read anew."""
        ...

    async def queue_names(self) -> tuple[str, ...]:
        """Every queue's name."""
        ...

    async def overview(self, *, exact: bool = False) -> QueueOverview:
        """All queues with counts labelled by their truth; `exact` counts whatever it costs."""
        ...

    async def glance(self) -> QueueOverview | None:
        """All queues with what pg-boss last counted of them, at once; None where `overview` is nearly as quick."""
        ...

    async def pulse(self) -> Pulse:
        """Per queue how many jobs ended in each of the last minutes, and who was seen at work."""
        ...

    async def queue(self, name: str) -> QueueDetail:
        """One queue with its surroundings; NotFound when there is none."""
        ...

    async def queue_activity(self, queue: str, span: Span) -> QueueActivity:
        """Jobs of a queue created, completed and failed for good, by steps of the span."""
        ...

    async def queue_latency(self, queue: str, span: Span) -> QueueLatency:
        """How long jobs of a queue waited and ran that ended within the span."""
        ...

    async def queue_errors(self, queue: str) -> JobErrors:
        """Failures for good of a queue by what they say."""
        ...

    async def queue_schedules(self, queue: str) -> tuple[NextRun, ...]:
        """The schedules of a queue, each with its next run."""
        ...

    async def jobs(
        self,
        selector: Selector | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        order: str = "newest",
        fields: Sequence[str] = (),
    ) -> JobPage:
        """One page of jobs in one of the orders; `fields` such as `policy` or `data.user.id` come in `more`."""
        ...

    def job_orders(self, selector: Selector | None = None) -> tuple[OrderOffer, ...]:
        """The orders a list of these jobs can have, each with what it costs. Reads nothing."""
        ...

    def job_fields(self) -> tuple[str, ...]:
        """Names that `jobs` takes as `fields`, beside paths into payload and output. Reads nothing."""
        ...

    async def payload_paths(self, jobs: Sequence[JobRow]) -> tuple[Path, ...]:
        """The paths in the payloads of the first of these jobs: ("data", "user", "id")."""
        ...

    async def workers(self) -> Workers:
        """Registered instances, or database sessions that look like pg-boss, marked inferred."""
        ...

    async def schedules(self) -> ScheduleBook:
        """All schedules with their next runs and what became of their last slots."""
        ...

    async def duties(self) -> Duties:
        """When the background duties ran last, and how old the cached counts are."""
        ...

    async def stored_warnings(self) -> StoredWarnings:
        """The newest warnings pg-boss stored; Unsupported where it stores none."""
        ...

    async def migrations(self) -> MigrationWork:
        """The background migrations; Unsupported where there are none."""
        ...

    async def index_health(self) -> IndexHealth:
        """The indexes of the job tables, as doctor reads them, and their sizes."""
        ...

    async def table_rooms(self) -> TableRooms:
        """The tables with their sizes, dead rows and last vacuums."""
        ...

    async def horizon(self) -> Horizon:
        """What keeps vacuum from removing dead rows."""
        ...

    async def jobs_with_id(self, job_id: str, *, full: bool = False) -> tuple[Job, ...]:
        """Every row with this id, live first; long payloads cut unless `full`. NotFound when there is none."""
        ...

    async def job_facts(self, job_id: str, *, full: bool = False) -> tuple[JobFacts, ...]:
        """What stands around every row with this id, live first; NotFound when there is none."""
        ...

    async def job_relatives(self, job: Job) -> Relatives:
        """The jobs it comes from, leads to, waits for or is waited for by."""
        ...


class Operator(Protocol):
    """Changes a pg-boss schema. Raises BossctlError for bad requests; refusals are results."""

    async def queue_form(self, name: str) -> QueueForm:
        """The options this schema has, with their values where the queue exists."""
        ...

    async def plan_ensure(self, spec: QueueSpec) -> EnsureResult:
        """What `ensure` would do. Reads only."""
        ...

    async def ensure(self, spec: QueueSpec, *, apply: bool = True) -> EnsureResult:
        """Create or update a queue; without `apply` only say what would be done."""
        ...

    async def plan_delete(self, name: str, *, with_jobs: bool = False) -> QueueDeletion:
        """What deleting a queue means, or why it would be refused. Reads only."""
        ...

    async def delete_queue(self, name: str, *, with_jobs: bool = False) -> QueueDeletion:
        """Delete a queue, and only `with_jobs` one that holds any."""
        ...

    async def plan_jobs(self, request: ActionRequest, *, statements: bool = False) -> ActionPlan:
        """What an action on jobs would do. Reads only."""
        ...

    async def apply_jobs(
        self,
        request: ActionRequest,
        plan: ActionPlan,
        *,
        progress: Callable[[Progress], None] | None = None,
        stop: asyncio.Event | None = None,
        own_schema: bool = False,
    ) -> ActionOutcome:
        """Do it in batches; `stop` ends it after the batch at hand."""
        ...

    async def operations(self, *, limit: int = 50) -> tuple[Operation, ...]:
        """What was done to jobs of this schema, newest first, from the database and from this machine's files."""
        ...

    async def operation_record(self, operation: str) -> OperationRecord:
        """All that the log keeps of an operation; NotFound for one it does not know. Reads only."""
        ...

    async def plan_undo(self, operation: str | None = None, *, statements: bool = False) -> UndoPlan:
        """What taking back an operation would do; None is the last one of this user. Reads only."""
        ...

    async def undo(
        self,
        plan: UndoPlan,
        *,
        progress: Callable[[Progress], None] | None = None,
        stop: asyncio.Event | None = None,
    ) -> ActionOutcome:
        """Take it back in batches."""
        ...


class Diagnose(Protocol):
    """Runs doctor once; `progress` is told each step."""

    def __call__(self, progress: Callable[[str], None], /, *, queues: Sequence[str] = ()) -> Awaitable[Report]:
        """The report. Raises BossctlError when nothing could be looked at."""
        ...


Opener = Callable[[], Awaitable[tuple[Reader, Operator, Diagnose]]]
"""Opens the database inside the app's event loop; raises BossctlError when it cannot."""
