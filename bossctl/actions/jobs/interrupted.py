"""The file of an `archive --to` that was interrupted: what is good in it, and whether this command may go on there.

Its first line says which run began it, its last whether one came to its end: neither log nor
database is asked for that.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import IO, Any

from bossctl.actions.jobs.exportlines import AGAIN, END_LINE, head_of, is_head, key_of, lines
from bossctl.actions.jobs.filelog import identity
from bossctl.errors import UsageError
from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest
from bossctl.sql.text import id_array
from bossctl.store import Store
from bossctl.store.session import Transaction

Key = tuple[str, str]
"""A job: its queue and its id."""
_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PIECE_BYTES = 1024 * 1024
PORTION_LINES = 1_000
LAST_BYTES = 4_096
MOST_LIVE = 100_000
"""As many jobs may be in the file and, again or still, in the database."""


@dataclass(frozen=True)
class Left:
    """What an interrupted run left: `good` bytes of `size`, changed last at `changed_ns`, which hold `jobs` jobs.

    `live` are those lines' jobs that are among the live ones, so that they may be written again; `jobs` is without.
    """

    good: int
    size: int
    changed_ns: int
    jobs: int
    live: frozenset[Key]


@dataclass(frozen=True)
class Extent:
    """How far a file can be read: bytes up to the end of the last whole write, lines in them, and the last one."""

    bytes: int
    lines: int
    last: bytes


@dataclass
class Held:
    """What the lines of a file hold: how many jobs, those that were written once more not counted again."""

    source: Mapping[str, Any] | None = None
    jobs: int = 0
    live: set[Key] = field(default_factory=set)


def may_be_named(path: Path) -> None:
    """Raise UsageError for what can be no file of jobs."""
    if path.name == "-":
        raise UsageError(
            "jobs are deleted once they are safe in a file, and what goes to stdout is not", "name one: --to jobs.jsonl"
        )
    if not _is_there(path) and not path.parent.is_dir():
        raise UsageError(f"there is no directory {clean(str(path.parent))}")


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()


async def source_of(store: Store, request: ActionRequest) -> dict[str, str]:
    """What a run says of itself: the database, the schema and the selection; another run of these may go on."""
    where = await identity(store)
    selector = " ".join(request.text.split())
    return {"server": where.server, "database": where.database, "schema": where.schema, "selector": selector}


async def left_over(store: Store, source: Mapping[str, str], path: Path) -> Left | None:
    """What a run of the same `source` left at a path; None where nothing is there. Raises UsageError."""
    if not _is_there(path):
        return None
    with _looked_at(path) as file:
        there = os.fstat(file.fileno())
        try:
            extent = await asyncio.to_thread(_extent, file, packed=path.suffix == ".gz")
            if extent.last.startswith(END_LINE.encode()):
                raise _taken(path)
            held = await _held(store, source, path, extent.lines)
        except (UsageError, zlib.error):
            raise _taken(path) from None
    if len(held.live) >= MOST_LIVE:
        raise _came_back(path)
    return Left(extent.bytes, there.st_size, there.st_mtime_ns, held.jobs - len(held.live), frozenset(held.live))


@contextmanager
def _looked_at(path: Path) -> Iterator[IO[bytes]]:
    """A file of this user's that nobody writes to. Raises UsageError."""
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise _taken(path)
        file = os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    except OSError:
        raise _taken(path) from None
    with file:
        if os.fstat(file.fileno()).st_uid != os.geteuid():
            raise _taken(path)
        try:
            lock(file.fileno(), path, fcntl.LOCK_SH)
        except OSError:
            raise _taken(path) from None  # in what cannot be locked, two could go on
        yield file


def lock(file: int, path: Path, how: int) -> None:
    """Hold a file for as long as it is open. Raises UsageError where another bossctl does."""
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UsageError(
            f"another bossctl is writing to the file {clean(str(path))}", f"name another one: {_another(path)}"
        ) from None


def _taken(path: Path) -> UsageError:
    return UsageError(
        f"the file {clean(str(path))} is there already, and it is none that the same command has left unfinished:"
        " nothing is added to any other, and none is written over",
        f"name another one: {_another(path)}; restore --from brings back what is in either",
    )


def _came_back(path: Path) -> UsageError:
    return UsageError(
        f"the file {clean(str(path))} was left unfinished, but {MOST_LIVE:,} or more of its jobs have come back since",
        f"name another one: {_another(path)}; restore --from brings back what is in either",
    )


def _another(path: Path) -> str:
    return f"--to {clean(str(free_name(path)))}"


def free_name(path: Path) -> Path:
    """The next name beside it that is free."""
    ends = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    stem = path.name.removesuffix(ends)
    names = (path.with_name(f"{stem}-{number}{ends}") for number in count(2))
    return next(name for name in names if not _is_there(name))


def _extent(file: IO[bytes], *, packed: bool) -> Extent:
    """Raises zlib.error for what was not packed here, and UsageError where one is packed that should not be."""
    if (file.read(2) == b"\x1f\x8b") is not packed:
        raise UsageError("not as its name says")
    file.seek(0)
    return _packed_extent(file) if packed else _plain_extent(file)


def _plain_extent(file: IO[bytes]) -> Extent:
    end = read = number = 0
    while piece := file.read(PIECE_BYTES):
        cut = piece.rfind(b"\n") + 1
        end = read + cut if cut else end
        number += piece.count(b"\n")
        read += len(piece)
    file.seek(max(0, end - LAST_BYTES))
    return Extent(end, number, _last_line(file.read(min(end, LAST_BYTES))))


def _packed_extent(file: IO[bytes]) -> Extent:
    """Each write is a member of its own."""
    good, read, number, tail = Extent(0, 0, b""), 0, 0, b""
    member = zlib.decompressobj(wbits=31)
    while piece := file.read(PIECE_BYTES):
        more = True
        while more:
            data = member.decompress(piece, PIECE_BYTES)
            rest = member.unused_data if member.eof else member.unconsumed_tail
            read, piece = read + len(piece) - len(rest), rest
            number += data.count(b"\n")
            tail = (tail + data)[-LAST_BYTES:]
            more = bool(piece) or len(data) == PIECE_BYTES
            if member.eof:
                if not tail.endswith(b"\n"):
                    raise UsageError("not written by bossctl")
                good, member = Extent(read, number, _last_line(tail)), zlib.decompressobj(wbits=31)
                more = bool(piece)
    return good


def _last_line(tail: bytes) -> bytes:
    """The last of the lines that end here; nothing where it is the only one, or begins before."""
    _, newline, line = tail[:-1].rpartition(b"\n")
    return line if newline else b""


async def _held(store: Store, source: Mapping[str, str], path: Path, number: int) -> Held:
    """What so many lines hold. Raises UsageError where another source began them."""
    held, again = Held(), 0
    portions = _portions(path, number)
    while portion := await asyncio.to_thread(next, portions, None):
        heads, keys = portion
        for head in heads:
            if head["kind"] == AGAIN:
                again += len(head["ids"])
            elif head["kind"] == "jobs" and held.source is None:
                held.source = head.get("source")
        if held.source != source:
            raise UsageError("of another selection")
        held.jobs += len(keys)
        async with store.snapshot() as transaction:
            held.live |= await live(transaction, keys)
        if len(held.live) >= MOST_LIVE:
            break
    if held.source is None:
        raise UsageError("empty")
    held.jobs -= again
    return held


def _portions(path: Path, number: int) -> Iterator[tuple[list[Mapping[str, Any]], list[Key]]]:
    """Bossctl's own lines and the jobs of the others, some lines at a time."""
    numbered = enumerate(islice(lines(path), number), 1)
    while some := list(islice(numbered, PORTION_LINES)):
        heads = [head_of(path, place, line) for place, line in some if place == 1 or is_head(line)]
        keys = [key_of(path, place, line) for place, line in some if not is_head(line)]
        if not all(_ID.fullmatch(id) for _, id in keys):
            raise UsageError("not the id of a job")
        yield heads, keys


async def live(transaction: Transaction, keys: Iterable[Key]) -> set[Key]:
    """Those of these jobs that are in the job table."""
    ids: dict[str, list[str]] = {}
    for queue, id in keys:
        ids.setdefault(queue, []).append(id)
    found: set[Key] = set()
    for queue, some in ids.items():
        rows = await transaction.rows("still_live", {"queue": queue, "ids": id_array(some)})
        found.update((queue, row["id"]) for row in rows)
    return found
