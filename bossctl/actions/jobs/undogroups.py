"""The rows of one operation in groups, each with what takes it back."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bossctl.actions.jobs import archive, filelog, putback, restore
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.counters import reduce
from bossctl.actions.jobs.entry import Entry
from bossctl.actions.jobs.exportlines import chunks
from bossctl.actions.jobs.groups import Group
from bossctl.actions.jobs.kind import Batch, Counted, Deed, Done, Kind, Words
from bossctl.actions.jobs.kinds.delete import remove
from bossctl.actions.jobs.records import Logged
from bossctl.actions.jobs.selected import Selected
from bossctl.errors import UsageError
from bossctl.models.jobactions import ActionRequest
from bossctl.sql import undoing
from bossctl.sql.changes import BY_ID, Change
from bossctl.sql.relations import placed_rows
from bossctl.sql.selection import ALWAYS, select
from bossctl.sql.text import Composable
from bossctl.sql.undoing import TEXT_MADE
from bossctl.store import Store

GROUP_ROWS = 1_000
PORTION_CHARACTERS = 16 * 1024 * 1024


@dataclass(frozen=True)
class Rows:
    """Stored rows of one queue: `source` composed, `values` bound; without `columns` (raw) only ids are known."""

    queue: str
    source: Composable
    columns: tuple[str, ...]
    values: Mapping[str, object]


class UndoGroups:
    """Makes the groups of one operation, from wherever its record is."""

    def __init__(self, store: Store, logged: Logged, request: ActionRequest) -> None:
        self._store = store
        self._logged = logged
        self._request = request
        self._entry: Entry = logged.entry

    async def groups(self) -> AsyncIterator[Group]:
        """All groups. Raises UsageError where a file that holds the rows cannot be read."""
        if self.done == "archive" and "path" in self._entry.details:
            for group in self._of_export(Path(str(self._entry.details["path"]))):
                yield group
        elif self.done == "archive" and not self._store.catalog.has("archive"):
            async for group in self._of_own_archive():
                yield group
        elif self._logged.path is not None:
            for stored in filelog.transactions(self._logged.path):
                for group in self._of_file(stored):
                    yield group
        else:
            async for group in self._of_own_schema():
                yield group

    @property
    def done(self) -> str:
        """What the operation did: an undo does what its details say."""
        return str(self._entry.details.get("does", self._entry.action))

    def _group(self, queue: str, change: Change, kind: Kind, values: Mapping[str, object], rows: int | None) -> Group:
        queries = self._store.session.queries
        selection = select(None, queries.catalog)
        bound = {**change.values, **values}
        source = change.source or placed_rows(queries.catalog)
        return Group(queue, Selected(self._request, kind, queries, selection, source, bound), rows)

    def _of_export(self, path: Path) -> list[Group]:
        found = []
        for chunk in chunks(path):
            if chunk.operation == self._entry.operation:
                rows = line_rows(self._store, chunk.queue, chunk.columns, chunk.lines, 0)
                found.append(self._back(rows, len(chunk.lines), chunk.links))
        return found

    async def _of_own_archive(self) -> AsyncIterator[Group]:
        catalog = self._store.catalog
        values = {"operation": self._entry.operation}
        left = self._logged.operation.changed - self._logged.operation.undone
        if not catalog.has("own:archive"):
            return
        async with self._store.snapshot() as transaction:
            found = await transaction.rows("archived_groups", {**values, "schema": catalog.schema})
        change = undoing.archived_own(self._store.session.queries)
        kind = _kind(change, self._spending(restore.from_own), restore.shown(catalog, change))
        missing = max(0, left - sum(row["rows"] for row in found))
        for row in found:
            which = {**values, "schema": catalog.schema, "of_queue": row["queue"]}
            async for ids in self._pages("archive_page", which):
                bound = {**which, "group_ids": ids}
                yield self._group(row["queue"], change, kind, bound, len(ids) + missing)
                missing = 0

    async def _of_own_schema(self) -> AsyncIterator[Group]:
        queries = self._store.session.queries
        if not queries.supports("image_groups"):
            return
        values = {"operation": self._entry.operation}
        async with self._store.snapshot() as transaction:
            every = await transaction.rows("image_transactions", values)
            shapes = {shape.number: shape for shape in await putback.shapes(transaction)}
        for one in every:
            which = {**values, "xid": one["xid"], "undo_xid": one["xid"] % 2**32}
            pairs = undoing.made_rows(queries) if {"made", "gone"} <= set(one["kinds"]) else None
            async with self._store.snapshot() as transaction:
                found = await transaction.rows("image_groups", which)
            for row in found:
                shape, kind = shapes.get(row["shape"]), row["kind"]
                bound = {**which, "kind": kind, "of_queue": row["queue"], "group_ids": row["ids"]}
                source = undoing.image_rows(queries.catalog, shape, kind) if shape else ALWAYS
                rows = Rows(row["queue"], source, shape.columns if shape else (), bound)
                group = self._of(kind, rows, len(row["ids"]), pairs)
                if group is not None:
                    yield group

    async def _pages(self, name: str, values: Mapping[str, object]) -> AsyncIterator[list[str]]:
        """Ids of what is left of an operation, some at a time."""
        bound, beyond = {**values, "limit": GROUP_ROWS}, ALWAYS
        while True:
            async with self._store.snapshot() as transaction:
                ids = [row["id"] for row in await transaction.rows(name, bound, beyond=beyond)]
            if ids:
                yield ids
            if len(ids) < GROUP_ROWS:
                return
            bound, beyond = {**bound, "after_id": ids[-1]}, undoing.AFTER_PAGE

    def _of_file(self, stored: Sequence[filelog.Stored]) -> list[Group]:
        """What one transaction left in a file."""
        made = [one for one in stored if one.kind == "made"]
        pairs = _made(made) if made and any(one.kind == "gone" for one in stored) else None
        found = []
        for one in stored:
            for lines in _portions(one.lines):
                rows = line_rows(self._store, one.queue, one.columns, lines, one.xid)
                rows = replace(rows, values={**rows.values, **(pairs or {})})
                found.append(self._of(one.kind, rows, len(lines), TEXT_MADE if pairs else None, one.links))
        return [group for group in found if group is not None]

    def _of(
        self,
        kind: str,
        rows: Rows,
        count: int,
        pairs: Composable | None,
        links: Sequence[putback.Link] = (),
    ) -> Group | None:
        queries = self._store.session.queries
        if kind == "changed" and rows.columns:
            change = undoing.changed(queries, rows.source, rows.columns)
            restored = undoing.restored_values(queries.catalog, rows.columns)
            how = {"rows": rows.source, "restored": restored, "named": undoing.named(queries.catalog)}
            shown = ("change_put_back", how)
            deed = self._spending(partial(_change_back, how), rows)
            made = Kind(change, _no_words, image=tuple(change.after), deed=deed, wakes=True, statements=(shown,))
        elif kind == "gone" and rows.columns:
            return self._back(rows, count, links, pairs)
        elif kind == "made" and pairs is None:
            change = undoing.made(queries)
            deed, shown = self._spending(_remove, rows), ("action_delete", {"chosen": BY_ID})
            made = Kind(change, _no_words, image=None, deed=deed, removes=True, slots=False, statements=(shown,))
        elif kind == "moved" and self.done == "archive":
            change = undoing.archived_native(queries)
            made = _kind(change, self._spending(restore.from_native, rows), restore.shown(queries.catalog, change))
        elif kind == "moved":
            change = undoing.unrestored(queries)
            deed = self._spending(archive.move, rows)
            made = Kind(change, _no_words, image=(), deed=deed, removes=True, slots=False)
        else:
            return None  # what was made goes with what it was made from
        return self._group(rows.queue, change, made, rows.values, count)

    def _back(self, rows: Rows, count: int, links: Sequence[putback.Link], pairs: Composable | None = None) -> Group:
        source = rows.source
        change = undoing.gone(self._store.session.queries, source, rows.columns, pairs)
        imaged = "xid" in rows.values  # else rows and links come from a file, an exported one in any case
        operation = self._entry.operation if imaged else None
        deed = self._spending(partial(_put_back, rows, links, operation, pairs), rows if imaged else None)
        shown = putback.shown(self._store.catalog, source, rows.columns, change)
        return self._group(rows.queue, change, _kind(change, deed, (shown,)), rows.values, count)

    def _spending(self, deed: Deed, rows: Rows | None = None) -> Deed:
        """The deed, and then the images of what it took back are no longer kept."""
        if self._logged.path is not None:
            return deed

        async def done(batch: Batch) -> Done:
            result = await deed(batch)
            values: dict[str, object] = {"operation": self._entry.operation, "undone": len(result.changed)}
            if rows is not None:
                spent = {"queue": batch.queue, "ids": list(result.changed)}
                await batch.transaction.rows("images_spent", {**rows.values, **values, **spent})
            await batch.transaction.rows("operation_undone", values)
            return result

        return done


async def _change_back(how: Mapping[str, Composable], batch: Batch) -> Done:
    transaction = batch.transaction
    values = {**batch.values, "queue": batch.queue, "ids": list(batch.ids)}
    found = await transaction.rows("change_put_back", values, **how)
    ids = [row["id"] for row in found]
    await putback.add_to_counters(transaction, batch.queue, ids, total=0)
    return Done(ids)


async def _put_back(
    rows: Rows, links: Sequence[putback.Link], operation: str | None, pairs: Composable | None, batch: Batch
) -> Done:
    transaction = batch.transaction
    ids, skipped = list(batch.ids), {}
    if pairs is not None:
        removed = await _remove_pairs(batch, pairs)
        ids = [one for one in batch.ids if one in removed]
        skipped = {"changed-since": [one for one in batch.ids if one not in removed]}
    else:
        removed = {}
    back = await putback.insert(batch, ids, rows.source, rows.columns, rows.values)
    if operation is not None:
        links = await putback.links_of(transaction, [operation], batch.queue, back)
    await putback.settle(transaction, batch.queue, back, links)
    await batch.record.made(transaction, batch.queue, {one: removed.get(one, one) for one in back})
    return Done(back, {reason: found for reason, found in skipped.items() if found})


async def _remove_pairs(batch: Batch, pairs: Composable) -> dict[str, str]:
    """Remove what was made from these, recorded whole; id → id of what was removed."""
    transaction = batch.transaction
    values = {**batch.values, "ids": list(batch.ids)}
    there: dict[str, list[str]] = {}
    for row in await transaction.rows("pairs_of", values, rows=pairs):
        there.setdefault(row["queue"], []).append(row["id"])
    for queue, ids in there.items():
        await batch.record.batch(transaction, Chosen(queue, ids), None)
    removed = await transaction.rows("pairs_removed", values, rows=pairs)
    for queue in there:
        await reduce(transaction, queue, retained=0, total=sum(row["queue"] == queue for row in removed))
    return {row["origin"]: row["id"] for row in removed}


async def _remove(batch: Batch) -> Done:
    return Done(await remove(batch.transaction, batch.chosen))


def line_rows(store: Store, queue: str, columns: Sequence[str], lines: Sequence[str], xid: int) -> Rows:
    """Rows of a file: each line a JSON array of texts. Without a queue's name they are only ids."""
    if "id" not in columns:
        raise UsageError("the rows have no id")
    place = columns.index("id")
    known = tuple(column for column in columns if column in store.catalog.columns("job"))
    values = {
        "text_rows": f"[{','.join(lines)}]",
        "of_queue": queue,
        "group_ids": [json.loads(line)[place] for line in lines],
        "undo_xid": xid % 2**32,
    }
    if "name" not in columns:
        return Rows(queue, ALWAYS, (), values)
    return Rows(queue, undoing.text_rows(store.catalog, columns), known, values)


def _portions(lines: Sequence[str]) -> Iterator[Sequence[str]]:
    """Not more at a time than one statement should carry."""
    portion: list[str] = []
    size = 0
    for line in lines:
        if portion and size + len(line) > PORTION_CHARACTERS:
            yield portion
            portion, size = [], 0
        portion.append(line)
        size += len(line)
    if portion:
        yield portion


def _made(stored: Sequence[filelog.Stored]) -> dict[str, object]:
    """What is bound for what one transaction made."""
    rows = [(json.loads(line), one.queue) for one in stored for line in one.lines]
    return {
        "made": [row[0] for row, _ in rows],
        "made_in": [queue for _, queue in rows],
        "origins": [row[1] if len(row) > 1 else None for row, _ in rows],
    }


def _kind(change: Change, deed: Deed, shown: tuple[tuple[str, Mapping[str, Composable]], ...]) -> Kind:
    """Rows that come back."""
    return Kind(change, _no_words, image=(), deed=deed, wakes=True, statements=shown)


def _no_words(counted: Counted) -> Words:
    return Words("")
