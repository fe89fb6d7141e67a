"""Jobs in a file: `archive --to FILE.jsonl[.gz]` and `restore --from FILE`.

JSON lines. A line with `"bossctl"` says what the following ones are: schema, generation, and the columns with their
types. Every other line is a job under the job table's own column names: JSON columns as they are, digit for digit,
numbers and booleans as such, everything else as PostgreSQL writes it. A key that is absent was SQL NULL.

A run that came to its end says so in the last line. One that was interrupted did not, and the same command goes on in
its file, where nothing that is good is written anew: `interrupted` tells how far that is.
"""

from __future__ import annotations

import asyncio
import fcntl
import gzip
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bossctl.actions.jobs import interrupted
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.exportlines import AGAIN, END, JSON, PLAIN
from bossctl.actions.jobs.filelog import sync_directory
from bossctl.actions.jobs.interrupted import Key, Left
from bossctl.actions.jobs.kind import Batch, Counted, Done, Ending, Kind, Words
from bossctl.actions.jobs.kinds.delete import remove
from bossctl.actions.jobs.phrases import jobs
from bossctl.errors import UsageError
from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.archives import archived
from bossctl.sql.changes import BY_ID
from bossctl.sql.ownschema import as_texts
from bossctl.sql.text import id_list
from bossctl.store import Store

PORTION_ROWS = 250
PORTION_BYTES = 16 * 1024 * 1024


async def archiving_to(store: Store, request: ActionRequest, path: Path) -> Kind:
    """The declaration of archive with `--to`: into a new file, or on in one that the same command left unfinished."""
    interrupted.may_be_named(path)
    source = await interrupted.source_of(store, request)
    left = await interrupted.left_over(store, source, path)
    export = _Export(path, source, left)
    return Kind(
        archived(store.session.queries, own=False, exported=True),
        partial(_words, path, left),
        image=(),
        deed=export.move,
        removes=True,
        slots=False,
        finish=export.finish,
        statements=(("action_delete", {"chosen": BY_ID}),),
    )


def _words(path: Path, left: Left | None, counted: Counted) -> Words:
    before = f", after the {jobs(left.jobs)} that an interrupted run wrote there" if left and left.jobs else ""
    return Words(
        f"{jobs(counted.jobs)} → the file {path}{before}, then deleted",
        (f"bossctl job restore --from {path} brings {'all of them' if left else 'them'} back",),
    )


class _Export:
    """A file that batches are added to: each is written and fsynced before its jobs are deleted.

    `_doubtful` are jobs that were written and are in the database all the same, `_last` those of the last batch, of
    which it is not known here whether they were deleted. One that is written again is named before, in a line of its
    own, so that of its lines the last one counts.
    """

    def __init__(self, path: Path, source: Mapping[str, str], left: Left | None) -> None:
        self._path = path
        self._source = source
        self._left = left
        self._columns: Mapping[str, str] = {}
        self._size = left.good if left else 0
        self._file: int | None = None
        self._doubtful = set(left.live) if left else set[Key]()
        self._last: list[Key] = []
        self._operation = ""

    async def finish(self, ending: Ending) -> None:
        """Say in the file that it is finished, or leave none of what was written where it would only be in the way."""
        try:
            await asyncio.to_thread(self._finish, ending)
        finally:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _finish(self, ending: Ending) -> None:
        with suppress(OSError, UsageError):
            if self._file is not None and not ending.changed:
                self._take_back()
            if ending.complete and (ending.changed or self._left):
                end = {"bossctl": 1, "kind": END, "operation": self._operation, "at": datetime.now(UTC).isoformat()}
                self._append([json.dumps(end, ensure_ascii=False) + "\n"])

    def _take_back(self) -> None:
        """What was written is all still in the database."""
        if self._left is None:
            self._path.unlink()
        elif self._file is not None:
            self._size = self._left.good
            os.ftruncate(self._file, self._size)

    async def move(self, batch: Batch) -> Done:
        """Write a batch, make it last, delete what was written."""
        transaction = batch.transaction
        columns = dict(transaction.queries.catalog.columns("job"))
        values = {"queue": batch.queue, "ids": list(batch.ids)}
        await batch.record.batch(transaction, batch.chosen, ())
        self._operation = batch.record.operation
        head = [] if columns == self._columns else [self._header(batch, columns)]
        head += await self._again(batch)
        if head:
            await asyncio.to_thread(self._append, head)
        self._columns = columns
        place, written = list(columns).index("id"), list[str]()
        async for ids in _portions(batch):
            some = {**values, "ids": ids}
            rows = await transaction.rows("image_text", some, texts=as_texts(list(columns)))
            lines = [_line(columns, [row[f"t{number}"] for number in range(len(columns))]) for row in rows]
            await asyncio.to_thread(self._append, lines)
            written += [row[f"t{place}"] for row in rows]
        if transaction.queries.supports("links_read"):
            links = [list(row.values()) for row in await transaction.rows("links_read", values)]
            if links:
                found = {"bossctl": 1, "kind": "links", "links": links}
                await asyncio.to_thread(self._append, [json.dumps(found, ensure_ascii=False) + "\n"])
        return Done(await remove(transaction, Chosen(batch.queue, written)))

    async def _again(self, batch: Batch) -> list[str]:
        """The line on those of a batch that the file holds already, if there are any."""
        self._doubtful |= await interrupted.live(batch.transaction, self._last)
        self._last = [(batch.queue, id) for id in batch.ids]
        ids = [id for queue, id in self._last if (queue, id) in self._doubtful]
        self._doubtful.difference_update(self._last)
        told = {"bossctl": 1, "kind": AGAIN, "queue": batch.queue, "ids": ids}
        return [json.dumps(told, ensure_ascii=False) + "\n"] if ids else []

    def _header(self, batch: Batch, columns: Mapping[str, str]) -> str:
        catalog = batch.transaction.queries.catalog
        head = {
            "bossctl": 1,
            "kind": "jobs",
            "schema": catalog.schema,
            "generation": catalog.generation,
            "operation": batch.record.operation,
            "at": datetime.now(UTC).isoformat(),
            "source": self._source,
            "columns": columns,
        }
        return json.dumps(head, ensure_ascii=False) + "\n"

    def _append(self, lines: Sequence[str]) -> None:
        data = "".join(lines).encode("utf-8", "surrogatepass")
        if self._path.suffix == ".gz":
            data = gzip.compress(data, compresslevel=6)
        try:
            file = self._opened()
            os.lseek(file, self._size, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(file, left) :]
            os.fsync(file)
            if not self._size:
                sync_directory(self._path.parent)
        except OSError as error:
            raise UsageError(
                f"cannot write {clean(str(self._path))}: {error.strerror}", "no job of it was deleted"
            ) from None
        self._size += len(data)

    def _opened(self) -> int:
        """The file, which must still be where it was."""
        if self._file is None:
            flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if self._left else os.O_CREAT | os.O_EXCL)
            self._file = os.open(self._path, flags, 0o600)
            self._take_over(self._file)
        here, mine = self._path.lstat(), os.fstat(self._file)
        if (here.st_dev, here.st_ino) != (mine.st_dev, mine.st_ino):
            raise UsageError(
                f"the file {clean(str(self._path))} was moved away", "no job of the last batch was deleted"
            )
        return self._file

    def _take_over(self, file: int) -> None:
        """Keep others from it, and cut off a torn end."""
        if self._left is None:
            with suppress(OSError):  # not every file system can, and nobody goes on in a file that has no lines yet
                fcntl.flock(file, fcntl.LOCK_EX)
            return
        interrupted.lock(file, self._path, fcntl.LOCK_EX)
        now = os.fstat(file)
        if (now.st_size, now.st_mtime_ns) != (self._left.size, self._left.changed_ns):
            raise UsageError(f"the file {clean(str(self._path))} was changed meanwhile", "run it again")
        os.ftruncate(file, self._left.good)


async def _portions(batch: Batch) -> AsyncIterator[list[str]]:
    """As many at a time as should be held at once."""
    [row] = await batch.transaction.rows("image_sizes", batch.chosen.by_id().values)
    portion: list[str] = []
    held = 0
    for id, size in zip(id_list(row["ids"]), map(int, id_list(row["sizes"])), strict=True):
        if portion and (len(portion) == PORTION_ROWS or held + size > PORTION_BYTES):
            yield portion
            portion, held = [], 0
        portion.append(id)
        held += size
    if portion:
        yield portion


def _line(columns: Mapping[str, str], values: Sequence[str | None]) -> str:
    parts = (
        f"{json.dumps(column, ensure_ascii=False)}: {_value(kind, value)}"
        for (column, kind), value in zip(columns.items(), values, strict=True)
        if value is not None
    )
    return "{" + ", ".join(parts) + "}\n"


def _value(kind: str, value: str) -> str:
    if kind in JSON:
        return value.replace("\n", " ").replace("\r", " ")
    return value if kind in PLAIN else json.dumps(value, ensure_ascii=False)
