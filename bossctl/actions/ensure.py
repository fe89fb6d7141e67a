"""`queue ensure`: create what is absent through the schema's own create_queue, change only what was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bossctl.actions import limits
from bossctl.actions.planning import Known, Planner
from bossctl.errors import MissingPrivilege, Refused
from bossctl.format import clean
from bossctl.models.operations import EnsureAction, EnsureResult, QueueSpec
from bossctl.models.options import is_internal, same
from bossctl.models.queues import OptionValue
from bossctl.sql.grants import joining
from bossctl.sql.writes import Write, creation, lock, own_table_name, update_queue
from bossctl.store import Store
from bossctl.store.queues import options_of
from bossctl.store.session import Transaction


async def plan(store: Store, specs: Sequence[QueueSpec]) -> list[EnsureResult]:
    """What would be done, dead letters first, from one snapshot."""
    limits.need_queues(store.catalog)
    async with store.snapshot() as transaction:
        return (await _planner(transaction, specs)).plans()


async def queue_specs(store: Store) -> list[QueueSpec]:
    """Every queue as it is, with the options that are set, except those that pg-boss makes for itself."""
    catalog = store.catalog
    limits.need_queues(catalog)
    async with store.snapshot() as transaction:
        rows = await transaction.rows("queues", {"names": None})
    found = []
    for row in rows:
        if not is_internal(row["name"]):
            options = options_of(row, catalog)
            found.append(QueueSpec(row["name"], {name: value for name, value in options.items() if value is not None}))
    return found


async def ensure(store: Store, spec: QueueSpec) -> EnsureResult:
    """Do it for one queue, in one transaction; nothing is written where nothing differs."""
    [planned] = await plan(store, [spec])
    if planned.action in (EnsureAction.UNCHANGED, EnsureAction.REFUSED):
        return planned
    may_write(store, planned)
    async with store.session.write() as transaction:
        await run(transaction, lock(store.catalog, "create-queue"))
        return await _apply(transaction, spec)


def may_write(store: Store, planned: EnsureResult) -> None:
    """Raise MissingPrivilege where creating the queue attaches a table and this role may not."""
    if planned.action is not EnsureAction.CREATED or store.catalog.is_owner:
        return
    after = {name: value for name, (_, value) in planned.changes.items()}
    if store.catalog.layout == "queues" or after.get("partition") is True:
        owner, role = clean(store.catalog.owner), clean(store.target.user)
        every = "in pg-boss 10 every queue has" if store.catalog.layout == "queues" else "partition gives the queue"
        raise MissingPrivilege(
            f"{every} a table of its own, which only the owner of the table job can attach; role {role} is not",
            f"run it as {owner}, or {joining(store.catalog)}",
        )


async def _apply(transaction: Transaction, spec: QueueSpec) -> EnsureResult:
    """The same plan again, now that nobody else can create a queue; then the deed."""
    planned = await _plan_one(transaction, spec)
    if planned.action is EnsureAction.CREATED:
        if await _create(transaction, planned):
            return replace(planned, applied=True)
        planned = await _plan_one(transaction, spec)
    if planned.action is EnsureAction.UPDATED:
        await transaction.row("queue_row_locked", {"name": spec.name})
        planned = await _plan_one(transaction, spec)
        if planned.action is EnsureAction.UPDATED:
            await run(transaction, update_queue(transaction.queries.catalog, spec.name, _after(planned)))
            return replace(planned, applied=True)
    if planned.action is EnsureAction.CREATED:
        raise Refused(f'the queue "{clean(spec.name)}" was deleted meanwhile', "run it again")
    return planned


async def _create(transaction: Transaction, planned: EnsureResult) -> bool:
    """Whether the queue was made here; False when somebody who does not take the lock was faster."""
    catalog = transaction.queries.catalog
    wanted = _after(planned)
    for write in creation(catalog, planned.queue, wanted):
        await run(transaction, write)
    row = await transaction.row("queue_row", {"name": planned.queue})
    if row is None:
        raise MissingPrivilege(f'the queue "{clean(planned.queue)}" was created but cannot be read back')
    if not row["mine"]:
        return False
    found = options_of(row, catalog)
    # Without partitions create_queue overlooks some of them.
    overlooked = {name: value for name, value in wanted.items() if not same(name, found[name], value)}
    if overlooked:
        await run(transaction, update_queue(catalog, planned.queue, overlooked))
    return True


def _after(planned: EnsureResult) -> dict[str, OptionValue]:
    return {name: after for name, (_, after) in planned.changes.items()}


async def run(transaction: Transaction, write: Write) -> None:
    """Send one statement."""
    await transaction.rows(write.name, write.values, **write.slots)


async def _plan_one(transaction: Transaction, spec: QueueSpec) -> EnsureResult:
    return (await _planner(transaction, [spec])).plan(spec)


async def _planner(transaction: Transaction, specs: Sequence[QueueSpec]) -> Planner:
    return Planner.of(transaction.queries, await _known(transaction, specs), specs)


async def _known(transaction: Transaction, specs: Sequence[QueueSpec]) -> Known:
    catalog = transaction.queries.catalog
    for spec in specs:
        limits.storable(spec)
    targets = [target for spec in specs if isinstance(target := spec.options.get("dead_letter"), str)]
    rows = await transaction.rows("queues", {"names": [*(spec.name for spec in specs), *targets]})
    links = await transaction.rows("dead_letters") if targets else []
    found = {row["name"]: options_of(row, catalog) for row in rows}
    return Known(
        queues=found,
        dead_letters={row["name"]: row["dead_letter"] for row in links},
        leftovers=await _leftovers(transaction, [spec for spec in specs if spec.name not in found]),
        shared_bytes=await _shared_bytes(transaction, specs),
    )


async def _leftovers(transaction: Transaction, absent: Sequence[QueueSpec]) -> frozenset[str]:
    """Those of the absent queues whose own table is there all the same."""
    catalog = transaction.queries.catalog
    found = set()
    for spec in absent:
        if catalog.layout == "queues" or spec.options.get("partition") is True:
            table = {"schema": catalog.schema, "table": own_table_name(spec.name)}
            if await transaction.row("table_size", table):
                found.add(spec.name)
    return frozenset(found)


async def _shared_bytes(transaction: Transaction, specs: Sequence[QueueSpec]) -> int:
    if not any(spec.options.get("partition") is True for spec in specs):
        return 0
    table = {"schema": transaction.queries.catalog.schema, "table": "job_common"}
    row = await transaction.row("table_size", table)
    return row["total_bytes"] if row else 0
