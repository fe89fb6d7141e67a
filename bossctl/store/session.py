"""Transactions: read-only by default, timeouts in every one, nothing set on the session."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, suppress
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from time import perf_counter

from psycopg import AsyncClientCursor, AsyncCursor, sql

from bossctl.config import ConnectionSpec
from bossctl.errors import BossctlError, Unreachable, Unsupported, UsageError
from bossctl.models.common import Target
from bossctl.sql import Queries, Query, bare
from bossctl.sql.catalog import Catalog
from bossctl.sql.transaction import begin, milliseconds
from bossctl.store import deadline
from bossctl.store.connections import (
    LOCK_TIMEOUT_SECONDS,
    Connection,
    ConnectionSource,
    Row,
    connect,
    read_catalog,
    roll_back,
    snapshot,
)
from bossctl.store.deadline import answered
from bossctl.store.recording import note
from bossctl.store.translate import StalePlan, translated

SLICE = 500


@dataclass(frozen=True)
class Begun:
    """How a transaction began: the server's clock, how far it is ahead of ours, how long that message was under way.

    `direct`: the server's session is this connection's own. A pooler has keys of its own for its clients.
    """

    now: datetime
    ahead: timedelta
    took_ms: float
    direct: bool = False


class Transaction:
    """An open transaction: named statements in, rows out.

    `elapsed_ms` is what its statements have cost so far: the way there and back, which the first message showed, or
    that of a transaction before, is not counted. With `opening` it begins with its first statement, in the same
    message, and with one that says it is the last it ends there, too. `begun` is None before, `open` says whether it
    is to be ended.
    """

    def __init__(
        self,
        connection: Connection,
        queries: Queries,
        target: Target,
        timeout: float,
        opening: Query | None = None,
        round_trip_ms: float = 0.0,
    ) -> None:
        self.queries = queries
        self.elapsed_ms = 0.0
        self.open = False
        self.begun: Begun | None = None
        self._round_trip_ms = round_trip_ms
        self._opening = opening
        self._connection = connection
        self._target = target
        self._timeout = timeout

    def begin(self, begun: Begun) -> None:
        """It has begun."""
        self.begun, self._round_trip_ms, self.open = begun, begun.took_ms, True

    @property
    def now(self) -> datetime:
        """The server's clock when it began. Raises LookupError before it has."""
        if self.begun is None:
            raise LookupError("this transaction begins with its first statement")
        return self.begun.now

    @property
    def direct(self) -> bool:
        """Whether no pooler hands the server's session to others; False before it has begun."""
        return self.begun is not None and self.begun.direct

    async def rows(
        self, name: str, values: Mapping[str, object] | None = None, /, **slots: sql.Composable
    ) -> list[Row]:
        """Run a named statement. Raises Unsupported where the schema lacks what it needs."""
        return await self.run(self.queries.get(name, **slots), values)

    async def run(
        self,
        query: Query,
        values: Mapping[str, object] | None = None,
        *,
        prepared_from: int | None = None,
        last: bool = False,
    ) -> list[Row]:
        """Run a statement that is composed already.

        `prepared_from`: at which of its runs on this connection it is prepared, from 1 on; through a pooler never.
        `last`: nothing is asked after it, which spares a message where the transaction begins with it.
        """
        started = perf_counter()
        try:
            with translated(self._target, self._timeout), self._answered(), self._preparing(prepared_from):
                if self.begun is None and self._opening is not None:
                    cursor = await self._open_with(self._opening, query, dict(values or {}), last=last)
                else:
                    cursor = await self._connection.execute(query.text, dict(values or {}))
        except BossctlError as error:
            note(query, values, self._spent(started), error=str(error))
            raise
        spent = self._spent(started)
        rows = await _fetched(cursor)
        note(query, values, spent, rows=len(rows) if cursor.rownumber is not None else max(0, cursor.rowcount))
        return rows

    async def _open_with(
        self, opening: Query, query: Query, values: dict[str, object], *, last: bool
    ) -> AsyncCursor[Row]:
        """Begin with a statement, in one message: its values are written into it, as only that takes several."""
        parts = (opening, query, bare("commit")) if last else (opening, query)
        cursor: AsyncCursor[Row] = AsyncClientCursor(self._connection, row_factory=self._connection.row_factory)
        asked = datetime.now(UTC)
        await cursor.execute(sql.SQL(";").join([one.text for one in parts]), values)
        cursor.nextset()
        row = await cursor.fetchone()
        if row is None or not cursor.nextset():
            raise LookupError("a transaction begins with the time")
        note(opening, None, 0.0, rows=1)
        self.begin(Begun(row["now"], row["now"] - asked, self._round_trip_ms))
        self.open = not last
        return cursor

    @contextmanager
    def _preparing(self, time: int | None) -> Iterator[None]:
        """The driver counts, and prepares, only what is run in here."""
        if time is not None and self.direct:
            self._connection.prepare_threshold = time - 1
        try:
            yield
        finally:
            self._connection.prepare_threshold = None

    def _spent(self, started: float) -> float:
        """How long a statement took, in milliseconds; without the way it is added to what all of them cost."""
        took = (perf_counter() - started) * 1000
        self.elapsed_ms += max(0.0, took - self._round_trip_ms)
        return took

    async def row(
        self, name: str, values: Mapping[str, object] | None = None, /, **slots: sql.Composable
    ) -> Row | None:
        """The first row of a named statement, or None."""
        found = await self.rows(name, values, **slots)
        return found[0] if found else None

    @asynccontextmanager
    async def savepoint(self, timeout_seconds: float) -> AsyncIterator[None]:
        """Let what happens in the block fail or time out without ending the transaction."""
        outer, self._timeout = self._timeout, timeout_seconds
        await self._control("savepoint")
        try:
            if timeout_seconds != outer:
                await self._control("set_timeout", statement_timeout=milliseconds(timeout_seconds))
            yield
        except BossctlError:
            with suppress(Unreachable):  # what comes of a lost connection hides what was the matter
                await self._control("rollback_to")
            raise
        finally:
            self._timeout = outer
        await self._control("release")
        if timeout_seconds != outer:
            await self._control("set_timeout", statement_timeout=milliseconds(outer))

    async def _control(self, name: str, **slots: sql.Composable) -> None:
        with translated(self._target, self._timeout), self._answered():
            await self._connection.execute(bare(name, **slots).text)

    def _answered(self) -> AbstractContextManager[None]:
        return answered(self._connection, self._timeout + deadline.GRACE_SECONDS, self._target)


class Session:
    """A database reached through one connection, or through a small pool for a program that stays.

    `ahead` is how far the server's clock was ahead of ours at the last transaction; None before the first.
    """

    def __init__(self, spec: ConnectionSpec, target: Target, catalog: Catalog, source: ConnectionSource) -> None:
        self.target = target
        self.catalog = catalog
        self.queries = Queries(catalog)
        self.timeout_seconds = spec.statement_timeout
        self.read_only = spec.read_only
        self.ahead: timedelta | None = None
        self._round_trip_ms = 0.0
        self._source = source

    @classmethod
    async def open(cls, spec: ConnectionSpec, *, pooled: bool = False) -> Session:
        """Connect and read the catalog; raises as `connections.connect`."""
        opened = await connect(spec, pooled=pooled)
        return cls(spec, opened.target, opened.catalog, opened.source)

    async def close(self) -> None:
        """Close every connection."""
        await self._source.close()

    async def beside(self) -> Session:
        """The same schema over one more connection, for work at the same time. Raises Unreachable."""
        other = copy(self)
        other._source = await self._source.another()
        return other

    async def reread(self) -> None:
        """Read the catalog again, after pg-boss was migrated under our feet."""
        async with self._source.lease() as connection, snapshot(connection, self.target, self.timeout_seconds):
            self.catalog = await read_catalog(connection, self.target)
        self.queries = Queries(self.catalog)

    @asynccontextmanager
    async def read(
        self, timeout_seconds: float | None = None, *, lookup: bool = False, at_once: bool = False
    ) -> AsyncIterator[Transaction]:
        """A read-only transaction with one snapshot; for a `lookup` statements are planned without their values.

        `at_once`: it begins with its first statement, and knows the server's clock only then.
        """
        timeout = timeout_seconds or self.timeout_seconds
        begins = "begin_lookup" if lookup else "begin_read"
        async with self._transaction(begins, timeout, LOCK_TIMEOUT_SECONDS, at_once=at_once) as transaction:
            yield transaction

    def must_take_writes(self) -> None:
        """Raise UsageError on a read-only connection and Unsupported on a standby."""
        if self.read_only:
            raise UsageError("this connection is read-only", "leave out --read-only or use another context")
        if self.catalog.standby:
            raise Unsupported("the server is a standby: it accepts no writes", "connect to the primary")

    @asynccontextmanager
    async def write(self, *, lock_timeout_seconds: float = 30, batch: bool = False) -> AsyncIterator[Transaction]:
        """A writing transaction: committed at the end of the block, rolled back when it raises.

        `batch`: it is about rows that are known by id or place.
        Raises UsageError on a read-only connection and Unsupported on a standby.
        """
        self.must_take_writes()
        timeout = max(self.timeout_seconds, lock_timeout_seconds + 5)
        begins = "begin_batch" if batch else "begin_write"
        async with self._transaction(begins, timeout, lock_timeout_seconds) as transaction:
            yield transaction

    @asynccontextmanager
    async def _transaction(
        self, name: str, seconds: float, lock_seconds: float, *, at_once: bool = False
    ) -> AsyncIterator[Transaction]:
        opening = begin(name, seconds, lock_seconds)
        async with self._source.lease() as connection:
            transaction = Transaction(
                connection, self.queries, self.target, seconds, opening if at_once else None, self._round_trip_ms
            )
            if not at_once:
                with translated(self.target, seconds), answered(connection, deadline.GRACE_SECONDS, self.target):
                    begun = await _begun(connection, opening)
                self.ahead, self._round_trip_ms = begun.ahead, begun.took_ms
                transaction.begin(begun)
            try:
                yield transaction
            except BaseException as error:
                await roll_back(connection)
                if isinstance(error, StalePlan):
                    await connection.close()
                raise
            if self.ahead is None and transaction.begun is not None:
                self.ahead = transaction.begun.ahead
            if not transaction.open:
                return
            with translated(self.target, seconds), answered(connection, seconds + deadline.GRACE_SECONDS, self.target):
                await connection.execute(bare("commit").text)


async def _fetched(cursor: AsyncCursor[Row]) -> list[Row]:
    """All rows, with a breath between slices: a screen may want to be drawn while thousands are converted."""
    rows: list[Row] = []
    while cursor.rownumber is not None:
        rows += await cursor.fetchmany(SLICE)
        if cursor.rownumber >= cursor.rowcount:
            break
        await asyncio.sleep(0)
    return rows


async def _begun(connection: Connection, statement: Query) -> Begun:
    """Begin a transaction in one message; its last statement tells the time."""
    started = perf_counter()
    cursor = await connection.execute(statement.text)
    while cursor.nextset():
        pass
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("a transaction begins with the time")
    took = perf_counter() - started
    note(statement, None, took * 1000, rows=1)
    direct = row.get("backend") == connection.info.backend_pid
    return Begun(row["now"], row["now"] - datetime.now(UTC) + timedelta(seconds=took / 2), took * 1000, direct)
