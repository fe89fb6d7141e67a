"""The store: everything bossctl reads, as frozen models. One method is one read-only snapshot."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from bossctl.models.joborders import DEFAULT_ORDER
from bossctl.store.recording import recording
from bossctl.store.session import Session, Transaction
from bossctl.store.translate import SchemaChanged

if TYPE_CHECKING:
    from bossctl.config import ConnectionSpec
    from bossctl.models.activity import NextRun, QueueActivity, QueueLatency, Span
    from bossctl.models.common import Target
    from bossctl.models.explain_facts import JobFacts
    from bossctl.models.job_errors import JobErrors
    from bossctl.models.joborders import OrderOffer
    from bossctl.models.jobs import Job, JobPage, JobRow
    from bossctl.models.pulse import Pulse
    from bossctl.models.queues import QueueDetail, QueueOverview, StateHistogram
    from bossctl.models.relatives import Relatives
    from bossctl.models.schedules import ScheduleBook
    from bossctl.models.schema import Info
    from bossctl.models.statements import Statement
    from bossctl.models.upkeep import Duties, Horizon, IndexHealth, MigrationWork, StoredWarnings, TableRooms
    from bossctl.models.workers import Workers
    from bossctl.selector import Path, Selector
    from bossctl.sql.catalog import Catalog
    from bossctl.sql.grants import Grants, Need

_T = TypeVar("_T")


class Store:
    """A pg-boss schema, open for reading.

    Methods raise Unreachable (lost database, timeout), MissingPrivilege, Unsupported (this schema lacks it),
    NotFound and UsageError (bad cursor, bad id); nothing of the driver passes through.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._landmarks: tuple[int | None, bool] | None = None

    @classmethod
    async def open(cls, spec: ConnectionSpec, *, pooled: bool = False) -> Store:
        """Connect and read the catalog. `pooled` keeps a few connections and replaces lost ones."""
        return cls(await Session.open(spec, pooled=pooled))

    async def close(self) -> None:
        """Close every connection."""
        await self.session.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def target(self) -> Target:
        """Where we are connected; never holds a password."""
        return self.session.target

    @property
    def catalog(self) -> Catalog:
        """What is in the schema."""
        return self.session.catalog

    @property
    def ahead(self) -> timedelta | None:
        """How far the server's clock is ahead of ours, as last seen; None before anything was read."""
        return self.session.ahead

    def recording(self) -> AbstractContextManager[list[Statement]]:
        """Keep what is run in the block by this task, in order."""
        return recording()

    async def info(self) -> Info:
        """Server, schema, capabilities, sizes, ages of background duties, live instances."""
        from bossctl.store.system import read_info

        found = await self._read(lambda transaction: read_info(transaction, self.target))
        before, self._landmarks = self._landmarks, (found.pgboss.schema_number, found.server.standby)
        if before in (None, self._landmarks):
            return found
        await self.session.reread()  # a migration that only adds makes no statement fail, nor does a promotion
        return await self._read(lambda transaction: read_info(transaction, self.target))

    async def landmarks(self) -> tuple[int | None, bool]:
        """The schema's number and whether the server is a standby, by one small reading."""
        from bossctl.store.system import read_landmarks

        return await self._read(read_landmarks)

    async def grants(self, rights: str, role: str) -> Grants:
        """The statements that give `role` the `rights`: viewer, operator or owner. Raises UsageError."""
        from bossctl.store.grants import read_grants

        return await self._read(lambda transaction: read_grants(transaction, rights, role))

    async def lacking(self, needs: Sequence[Need]) -> str:
        """The GRANTs of those rights that our role does not have; "" where it has them all."""
        from bossctl.store.grants import read_lacking

        return await self._read(lambda transaction: read_lacking(transaction, needs))

    async def queue_names(self) -> tuple[str, ...]:
        """Every queue's name."""
        async with self.snapshot() as transaction:
            return tuple(row["name"] for row in await transaction.rows("queue_names"))

    async def overview(self, *, exact: bool = False, names: Sequence[str] | None = None) -> QueueOverview:
        """All queues, or those named, with counts labelled by their truth; `exact` counts whatever it costs."""
        from bossctl.store.queues import read_overview

        return await self._read(lambda transaction: read_overview(transaction, exact=exact, names=names))

    async def glance(self) -> QueueOverview | None:
        """What the queue table or an index of names says in a few ms; None without one, or if counting is as quick."""
        from bossctl.store.queues import SCAN_ROWS, read_glance

        listed = self.catalog.has("queue") or self.catalog.has("index:name")
        if not listed or (self.catalog.estimated_rows or 0) <= SCAN_ROWS:
            return None
        return await self._read(read_glance, at_once=self.catalog.has("queue"))

    async def queue(self, name: str) -> QueueDetail:
        """One queue with its surroundings. Raises NotFound with near names in the hint."""
        from bossctl.store.queues import read_queue

        return await self._read(lambda transaction: read_queue(transaction, name))

    async def histogram(self, *, names: Sequence[str] | None = None) -> StateHistogram:
        """The six states per queue, exact, in one pass over the job table."""
        from bossctl.store.queues import read_histogram

        return await self._read(lambda transaction: read_histogram(transaction, names))

    async def jobs(
        self,
        selector: Selector | None = None,
        *,
        limit: int = 50,
        after: str | None = None,
        order: str = DEFAULT_ORDER,
        fields: Sequence[str] = (),
    ) -> JobPage:
        """One page of jobs in one of the ORDER_WORDS; `fields` such as `policy` or `data.user.id` come in `more`."""
        from bossctl.store.jobs import read_page

        return await self._read(
            lambda transaction: read_page(transaction, selector, limit=limit, after=after, order=order, fields=fields),
            at_once=order == DEFAULT_ORDER,
        )

    def job_orders(self, selector: Selector | None = None) -> tuple[OrderOffer, ...]:
        """The orders a list of these jobs can have, each with what it costs. Reads nothing."""
        from bossctl.sql.job_orders import order_offers
        from bossctl.sql.selection import select

        return order_offers(select(selector, self.catalog), self.catalog)

    def job_fields(self) -> tuple[str, ...]:
        """Names that `jobs` takes as `fields`, beside paths into payload and output. Reads nothing."""
        from bossctl.sql.columns import offered_fields

        return offered_fields(self.catalog)

    async def payload_paths(self, jobs: Sequence[JobRow]) -> tuple[Path, ...]:
        """The paths in the payloads of the first of these jobs: ("data", "user", "id")."""
        from bossctl.store.job_fields import read_paths

        return await self._read(lambda transaction: read_paths(transaction, jobs))

    async def jobs_with_id(self, job_id: str, *, full: bool = False) -> tuple[Job, ...]:
        """Every row with this id, live first; payloads are cut at 64 Ki characters unless `full`."""
        from bossctl.store.jobs import read_jobs_with_id

        return await self._read(lambda transaction: read_jobs_with_id(transaction, job_id, full=full), lookup=True)

    async def job(self, job_id: str, *, full: bool = False) -> Job:
        """The job with this id; the live row where the archive has one too."""
        return (await self.jobs_with_id(job_id, full=full))[0]

    async def job_relatives(self, job: Job) -> Relatives:
        """The jobs it comes from, leads to, waits for or is waited for by."""
        from bossctl.store.relatives import read_relatives

        return await self._read(lambda transaction: read_relatives(transaction, job))

    async def job_facts(self, job_id: str, *, full: bool = False) -> tuple[JobFacts, ...]:
        """What stands around every row with this id, live first: what `bossctl.explain` goes by."""
        from bossctl.store.explain import read_job_facts

        return await self._read(lambda transaction: read_job_facts(transaction, job_id, full=full))

    async def job_errors(self, selector: Selector | None = None, *, limit: int = 20) -> JobErrors:
        """Failures grouped by what they say, the most frequent first."""
        from bossctl.store.job_errors import read_job_errors

        return await self._read(lambda transaction: read_job_errors(transaction, selector, limit=limit))

    async def queue_activity(self, queue: str, span: Span) -> QueueActivity:
        """Jobs of a queue created, completed and failed for good, by steps of the span, of those still kept."""
        from bossctl.store.activity import LONGEST_SECONDS, read_activity

        return await self._read(lambda transaction: read_activity(transaction, queue, span), LONGEST_SECONDS)

    async def queue_latency(self, queue: str, span: Span) -> QueueLatency:
        """How long jobs of a queue waited and ran that ended within the span, of those still kept."""
        from bossctl.store.activity import LONGEST_SECONDS, read_latency

        return await self._read(lambda transaction: read_latency(transaction, queue, span), LONGEST_SECONDS)

    async def queue_errors(self, queue: str) -> JobErrors:
        """Failures for good of a queue by what they say, the most frequent first."""
        from bossctl.store.activity import LONGEST_SECONDS, read_queue_errors

        return await self._read(lambda transaction: read_queue_errors(transaction, queue), LONGEST_SECONDS)

    async def queue_schedules(self, queue: str) -> tuple[NextRun, ...]:
        """The schedules of a queue, each with its next run."""
        from bossctl.store.activity import read_queue_schedules

        return await self._read(lambda transaction: read_queue_schedules(transaction, queue))

    async def pulse(self) -> Pulse:
        """Per queue how many jobs ended in each of the last minutes, and who was seen at work."""
        from bossctl.store.pulse import read_pulse

        return await self._read(read_pulse)

    async def schedules(self) -> ScheduleBook:
        """All schedules with their next runs and what became of their last slots."""
        from bossctl.store.schedules import read_schedules

        return await self._read(read_schedules)

    async def workers(self) -> Workers:
        """Registered instances, or database sessions that look like pg-boss, marked inferred."""
        from bossctl.store.workers import read_workers

        return await self._read(read_workers)

    async def duties(self) -> Duties:
        """When the background duties ran last, and how old the cached counts are."""
        from bossctl.store.upkeep import read_duties

        return await self._read(read_duties)

    async def stored_warnings(self) -> StoredWarnings:
        """The newest warnings pg-boss stored."""
        from bossctl.store.upkeep import read_warnings

        return await self._read(read_warnings)

    async def migrations(self) -> MigrationWork:
        """The background migrations."""
        from bossctl.store.upkeep import read_migrations

        return await self._read(read_migrations)

    async def index_health(self) -> IndexHealth:
        """The indexes of the job tables, as doctor reads them, and their sizes."""
        from bossctl.store.upkeep import read_index_health

        return await self._read(read_index_health)

    async def table_rooms(self) -> TableRooms:
        """The tables with their sizes, dead rows and last vacuums."""
        from bossctl.store.upkeep import read_table_rooms

        return await self._read(read_table_rooms)

    async def horizon(self) -> Horizon:
        """What keeps vacuum from removing dead rows."""
        from bossctl.store.upkeep import read_horizon

        return await self._read(read_horizon)

    @asynccontextmanager
    async def snapshot(self, timeout_seconds: float | None = None) -> AsyncIterator[Transaction]:
        """A read-only transaction for several statements that must agree."""
        async with self.session.read(timeout_seconds) as transaction:
            yield transaction

    async def _read(
        self,
        reading: Callable[[Transaction], Awaitable[_T]],
        longest_seconds: float = math.inf,
        *,
        lookup: bool = False,
        at_once: bool = False,
    ) -> _T:
        """Run one reading; once more with a fresh catalog when pg-boss was migrated since it was read."""
        timeout = min(self.session.timeout_seconds, longest_seconds)
        try:
            async with self.session.read(timeout, lookup=lookup, at_once=at_once) as transaction:
                return await reading(transaction)
        except SchemaChanged:
            await self.session.reread()
            async with self.session.read(timeout, lookup=lookup) as transaction:
                return await reading(transaction)
