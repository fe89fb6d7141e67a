"""Putting rows back among the live jobs, wherever they were kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bossctl.actions.jobs.counters import reduce
from bossctl.actions.jobs.kind import Batch
from bossctl.sql.archives import targets
from bossctl.sql.catalog import Catalog
from bossctl.sql.changes import Change, retained
from bossctl.sql.ownschema import Shape
from bossctl.sql.text import Composable
from bossctl.store.session import Transaction

Link = tuple[str, str, str, str]


async def insert(
    batch: Batch, ids: Sequence[str], rows: Composable, columns: Sequence[str], values: Mapping[str, object]
) -> list[str]:
    """Insert these of the rows, as the kind's change has them; the ids of those that came back."""
    transaction = batch.transaction
    slots = targets(transaction.queries.catalog, columns, batch.kind.change)
    bound = {**batch.values, **values, "queue": batch.queue, "ids": list(ids)}
    return [row["id"] for row in await transaction.rows("put_back", bound, rows=rows, **slots)]


def shown(
    catalog: Catalog, rows: Composable, columns: Sequence[str], change: Change
) -> tuple[str, Mapping[str, Composable]]:
    """The statement of `insert` for those who ask to see it."""
    return "put_back", {"rows": rows, **targets(catalog, columns, change)}


async def settle(transaction: Transaction, queue: str, ids: Sequence[str], links: Iterable[Link] = ()) -> None:
    """What goes with rows that came back: their flow links, and the counters of schema 46."""
    values = {"queue": queue, "ids": list(ids)}
    if transaction.queries.supports("links_put_back"):
        found = sorted(set(links))
        if found:
            names = ("child_names", "child_ids", "parent_names", "parent_ids")
            await transaction.rows("links_put_back", dict(zip(names, map(list, zip(*found, strict=True)), strict=True)))
        await transaction.rows("parents_counted_again", values)
    await add_to_counters(transaction, queue, ids, total=len(ids))


async def add_to_counters(transaction: Transaction, queue: str, ids: Sequence[str], *, total: int) -> None:
    """Count these jobs among the finished ones where they are, and `total` more rows (schema 46)."""
    queries = transaction.queries
    if queries.supports("reduce_counters") and ids:
        values = {"queue": queue, "ids": list(ids)}
        row = await transaction.row("finished_among", values, retained=retained(queries))
        finished = row["rows"] if row else 0
        await reduce(transaction, queue, retained=-finished, total=-total)


async def links_of(transaction: Transaction, operations: Sequence[str], queue: str, ids: Sequence[str]) -> list[Link]:
    """Flow links that the own schema keeps of these jobs, which these operations took away."""
    if not operations or not transaction.queries.supports("operation_links"):
        return []
    values = {"operations": list(operations), "queue": queue, "ids": list(ids)}
    rows = await transaction.rows("operation_links", values)
    return [(row["child_name"], row["child_id"], row["parent_name"], row["parent_id"]) for row in rows]


async def shapes(transaction: Transaction, number: int | None = None) -> list[Shape]:
    """All shapes, or the one of that number."""
    rows = await transaction.rows("shapes", {"shape": number})
    return [Shape(row["shape"], tuple(row["columns"]), tuple(row["kept"])) for row in rows]
