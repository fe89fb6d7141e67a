"""What stands around one job, in one snapshot: the facts its explanation is made of."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from bossctl.errors import StatementTimeout, Unsupported
from bossctl.models.explain_facts import (
    Activity,
    Ahead,
    Copy,
    Era,
    Head,
    JobFacts,
    Keys,
    Neighbour,
    Parent,
    QueueFacts,
    Registry,
    WorkCall,
)
from bossctl.models.jobs import Job
from bossctl.sql.catalog import Catalog
from bossctl.store.connections import Row
from bossctl.store.jobs import read_jobs_with_id
from bossctl.store.scope import pass_interval
from bossctl.store.session import Transaction
from bossctl.store.system import pgboss_info
from bossctl.store.translate import SchemaChanged

LOOK_SECONDS = 10.0
"""How long one look around the job may take; what takes longer is told as unknown."""

AHEAD_COUNTED = 100_000
SHOWN = 20

SLOT_INDEXES = {"short": "i1", "singleton": "i2", "stately": "i3", "exclusive": "i6", "key_strict_fifo": "i8"}
HOLDING = ("singleton", "stately", "key_strict_fifo")
"""Policies under which another job can keep a waiting one from being fetched."""

QUEUED_KEY = "__pgboss__singleton_queue"
WAITING = ("created", "retry")
KEYLESS_IGNORED_UNTIL = 36
"""Schema number of 12.25: later releases no longer leave out jobs without a key."""

CLOSING = range(27, 37)
"""Schema numbers of 12.6 to 12.25, which fetch nothing while a job without a key is listed as active."""

MAY_CLOSE = (None, 26)
"""So does 12.5.4, and 11.1.2 with the same schema does not (both seen)."""

_STAMPS = {
    "maintained_on": ("version.maintained_on",),
    "archived_on": ("archive.archivedon", "archive.archived_on"),
    "monitor_claim_on": ("queue.monitor_claim_on",),
    "monitor_on": ("queue.monitor_on",),
    "flow_on": ("version.flow_on",),
}

T = TypeVar("T")


async def read_job_facts(transaction: Transaction, job_id: str, *, full: bool = False) -> tuple[JobFacts, ...]:
    """The facts of every row with this id, live first. Raises NotFound."""
    version = await transaction.row("version") or {}
    jobs = await read_jobs_with_id(transaction, job_id, full=full)
    return tuple([await _Look(transaction, job, version).facts() for job in jobs])


def era_of(catalog: Catalog, number: int | None) -> Era:
    """What the releases with such a schema do, as far as the schema tells them apart."""
    info = pgboss_info(catalog, number)
    return Era(
        generation=catalog.generation,
        number=info.schema_number if info.releases else None,
        releases=info.releases,
        keys=_keys(catalog),
        heads=catalog.has("index:i10"),
        fenced=catalog.has("queue.completed_delta"),
        resolver=catalog.has("version.flow_on"),
        source_link=catalog.has("job.source_id"),
    )


def _keys(catalog: Catalog) -> Keys:
    if catalog.generation != "11-12":
        return Keys.BLIND if catalog.generation == "10" else Keys.NONE
    if catalog.has("index:i14"):
        return Keys.PROBED
    return Keys.UNSURE if catalog.has("instance") else Keys.LISTED


@dataclass
class _Look:
    """One job being looked around; `unseen` gathers what could not be read."""

    transaction: Transaction
    job: Job
    version: Row

    def __post_init__(self) -> None:
        self.catalog = self.transaction.queries.catalog
        self.era = era_of(self.catalog, self.version.get("version"))
        self.unseen: list[str] = []

    @property
    def bound(self) -> dict[str, object]:
        """The values most statements bind."""
        return {"queue": self.job.row.queue, "id": self.job.row.id, "limit": SHOWN}

    @property
    def _rerun(self) -> bool:
        return self.job.row.state == "completed" and self.job.row.retry_count > 0

    async def facts(self) -> JobFacts:
        """Everything; a part that cannot be read is left out and named."""
        facts = JobFacts(self.job, self.transaction.now, self.era, await self._queue())
        if not self.job.row.archived:
            facts = await self._alive(facts)
        facts = await self._supervision(facts)
        source = self.job.fields.get("source_id") is not None
        return replace(
            facts,
            copies=await self._try("dead letters", lambda: self._copies(facts.queue), ()),
            source=await self._try("the job it comes from", self._source, None, when=source),
            unseen=tuple(self.unseen),
        )

    async def _alive(self, facts: JobFacts) -> JobFacts:
        """What matters to a row in the job table."""
        row, flows = self.job.row, self.catalog.has("job_dependency")
        waits, open_ = row.state in WAITING, row.state in (*WAITING, "active")
        grouped = waits and self.job.fields.get("group_id") is not None
        registered = open_ and self.catalog.has("instance")
        children = await self._try("jobs that wait for it", self._children, {}, when=flows)
        facts = replace(
            facts,
            parents=await self._try("its parents", self._parents, (), when=flows and row.blocked),
            children=tuple(children.get("ids") or ()),
            blocked_children=children.get("jobs") or 0,
            group_active=await self._try("its group", self._group_active, None, when=grouped),
            registry=await self._try("the instance registry", self._registry, None, when=registered),
            activity=await self._try("what ran in the queue", self._activity, None, when=open_ or self._rerun),
        )
        return await self._waiting(facts) if waits else facts

    async def _waiting(self, facts: JobFacts) -> JobFacts:
        """What matters to a row that waits."""
        row, policy = self.job.row, self.job.fields.get("policy")
        modern = self.era.generation != "8-9"
        keyed = modern and (policy in HOLDING or facts.queue.policy in HOLDING)
        queued = not modern and (row.singleton_key or "").startswith(QUEUED_KEY)
        strict = policy == "key_strict_fifo" and self.era.heads
        due = not row.blocked and row.start_after is not None and row.start_after <= facts.now
        return replace(
            facts,
            holders=await self._try("the slot of its key", self._holders, (), when=queued or policy in HOLDING),
            older_of_key=await self._try("its key", self._older, None, when=strict),
            head=await self._try("the head of the queue", lambda: self._head(facts.queue), None, when=due and keyed),
            ahead=await self._try("the jobs before it", self._ahead, None, when=due),
        )

    async def _try(self, what: str, reading: Callable[[], Awaitable[T]], otherwise: T, *, when: bool = True) -> T:
        """The reading, or what stands for it where it does not apply or role, schema or time do not allow it."""
        if not when:
            return otherwise
        try:
            async with self.transaction.savepoint(LOOK_SECONDS):
                return await reading()
        except SchemaChanged:
            raise
        except (Unsupported, StatementTimeout) as error:
            self.unseen.append(f"{what}: {error}")
        return otherwise

    async def _queue(self) -> QueueFacts:
        name = self.job.row.queue
        if not self.catalog.has("queue"):
            return QueueFacts(name, implicit=True)
        row = await self.transaction.row("explain_queue", self.bound)
        if row is None:
            return QueueFacts(name, exists=False)
        listed, number = row["singletons_active"] or (), self.era.number
        old = number is None or number <= KEYLESS_IGNORED_UNTIL
        return QueueFacts(
            name,
            policy=row["policy"],
            retry_limit=row["retry_limit"],
            dead_letter=row["dead_letter"],
            heartbeat_seconds=row["heartbeat_seconds"],
            keys_active=tuple(key or "" for key in listed if key is not None or not old),
            keys_listed=bool(listed),
            closed=None in listed and (True if number in CLOSING else None if number in MAY_CLOSE else False),
            monitor_on=row["monitor_on"],
            guarded=await self._guarded(row["table_name"]),
        )

    async def _guarded(self, table: str) -> bool | None:
        suffix = SLOT_INDEXES.get(str(self.job.fields.get("policy")))
        if suffix is None or self.job.row.state not in WAITING:
            return None
        table = "job" if self.catalog.layout == "plain" else table
        values = {"schema": self.catalog.schema, "table": table, "suffix": f"_{suffix}"}
        found = await self.transaction.row("slot_index", values)
        return bool(found and found["valid"])

    async def _holders(self) -> tuple[Neighbour, ...]:
        policy = self.job.fields.get("policy")
        values = {"policy": policy, "key": self.job.row.singleton_key or "", "strict": policy == "key_strict_fifo"}
        return tuple(map(neighbour, await self.transaction.rows("slot_holders", {**self.bound, **values})))

    async def _older(self) -> Neighbour | None:
        values = {"key": self.job.row.singleton_key or ""}
        row = await self.transaction.row("older_of_key", {**self.bound, **values})
        return neighbour(row) if row and row["id"] != self.job.row.id else None

    async def _head(self, queue: QueueFacts) -> Head | None:
        keys = queue.keys_active if self.era.keys in (Keys.LISTED, Keys.UNSURE) else ()
        number = self.era.number
        listing = self.era.keys in (Keys.LISTED, Keys.UNSURE) and queue.keys_listed
        keyless = listing and (number is None or number <= KEYLESS_IGNORED_UNTIL)
        row = await self.transaction.row("fetch_head", {**self.bound, "keys": list(keys), "without_key": keyless})
        if row is None:
            return None
        held = {
            **row,
            **{key: row[f"holder_{key}"] for key in _HOLDER},
            "id": row["holder"],
        }
        return Head(neighbour(row), neighbour(held) if row["holder"] else None)

    async def _ahead(self) -> Ahead:
        row = self.job.row
        values = {"priority": row.priority, "created_on": row.created_on, "limit": AHEAD_COUNTED + 1}
        found = await self.transaction.row("jobs_ahead", {**self.bound, **values}) or {"jobs": 0}
        return Ahead(min(found["jobs"], AHEAD_COUNTED), found["jobs"] > AHEAD_COUNTED)

    async def _parents(self) -> tuple[Parent, ...]:
        return tuple(Parent(**row) for row in await self.transaction.rows("job_parents", self.bound))

    async def _children(self) -> Row:
        return await self.transaction.row("job_children", self.bound) or {}

    async def _group_active(self) -> int | None:
        group = {"group": self.job.fields.get("group_id")}
        row = await self.transaction.row("group_active", {**self.bound, **group})
        return row["jobs"] if row else None

    async def _registry(self) -> Registry | None:
        totals = await self.transaction.row("instance_totals") or {}
        calls = await self.transaction.rows("work_calls", {**self.bound, "limit": 1000})
        return Registry(**totals, calls=tuple(map(_call, calls)))

    async def _activity(self) -> Activity | None:
        values = {"queue": self.job.row.queue, "measured": self.job.row.state not in WAITING}
        row = await self.transaction.row("queue_worked", values)
        if row is None:
            return None
        return Activity(row["last_started"], row["running"], row["usual_seconds"], row["runs"])

    async def _supervision(self, facts: JobFacts) -> JobFacts:
        stamps: Row = dict(self.version)
        if self.transaction.queries.supports("supervisor_stamps"):
            stamps |= await self._try("the signs of maintenance", self._stamps, {})
        known = [stamp for stamp, sources in _STAMPS.items() if any(map(self.catalog.has, sources))]
        return replace(
            facts,
            stamps={stamp: stamps.get(stamp) for stamp in known},
            interval_seconds=await pass_interval(self.transaction),
            backoff_until=self.version.get("monitor_backoff_on"),
        )

    async def _stamps(self) -> Row:
        return await self.transaction.row("supervisor_stamps") or {}

    async def _copies(self, queue: QueueFacts) -> tuple[Copy, ...]:
        if not self.catalog.has("queue"):
            return ()
        row, fields = self.job.row, self.job.fields
        names = {name for name in (row.dead_letter, queue.dead_letter) if name}
        root = fields.get("source_root_id") or row.id
        if not names and root == row.id and not self.catalog.has("job.source_root_id"):
            return ()
        rows = await self.transaction.rows("dead_letter_copies", {**self.bound, "names": sorted(names), "root": root})
        return tuple(Copy(neighbour(one), one["source_id"], one["linked"]) for one in rows)

    async def _source(self) -> Neighbour | None:
        name, source = self.job.fields.get("source_name"), self.job.fields.get("source_id")
        row = await self.transaction.row("neighbour", {"queue": name, "id": source})
        return neighbour(row) if row else None


_HOLDER = ("state", "created_on", "started_on", "completed_on", "expire_seconds")
_PLAIN = ("id", "queue", "state", "singleton_key", "created_on", "started_on", "completed_on", "expire_seconds")


def neighbour(row: Row) -> Neighbour:
    """A job beside this one, from a row of the statements of explain.sql."""
    return Neighbour(**{key: row[key] for key in _PLAIN}, archived=bool(row["archived"]))


def _call(row: Row) -> WorkCall:
    """One work() call; what the registry writes is JSON of no fixed shape."""
    call: dict[str, Any] = json.loads(row["call"])
    options = call.get("options")
    options = options if isinstance(options, dict) else {}
    return WorkCall(
        instance=row["instance"],
        name=row["name"],
        host=row["host"],
        pid=row["pid"],
        release=row["release"],
        alive=bool(row["alive"]),
        heartbeat_on=row["heartbeat_on"],
        stopped_on=row["stopped_on"],
        active=_whole(call.get("active")) or 0,
        last_fetched_on=_moment(call.get("lastFetchedOn")),
        min_priority=_whole(options.get("minPriority")),
        max_priority=_whole(options.get("maxPriority")),
        group_limit=_limit(options.get("groupConcurrency")),
    )


def _limit(value: object) -> int | None:
    return _whole(value.get("default")) if isinstance(value, dict) else _whole(value)


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found if found.tzinfo else None
