"""Connections: how they are made, what they load, where they are kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import psycopg
from psycopg import AsyncConnection, pq
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import DictRow, dict_row

from bossctl.config import ConnectionSpec, naming_service
from bossctl.errors import MissingPrivilege, NotPgBoss, Unreachable
from bossctl.format import clean
from bossctl.models.common import Target
from bossctl.sql import bare
from bossctl.sql.catalog import Catalog
from bossctl.sql.transaction import begin
from bossctl.store import deadline
from bossctl.store.deadline import QUICK_SECONDS, answered
from bossctl.store.translate import connect_error, grant_hint, malformed, translated

if TYPE_CHECKING:
    from psycopg_pool import AsyncConnectionPool

APPLICATION_NAME = "bossctl"
CONNECT_TIMEOUT_SECONDS = 10
POOL_SIZE = 3
LOCK_TIMEOUT_SECONDS = 5
NO_PASSPHRASE = "none was given"
"""Without any, OpenSSL would ask for that of a key on the terminal, whatever is drawn there."""

Connection = AsyncConnection[DictRow]
Row = dict[str, Any]

INFINITY = datetime.max.replace(tzinfo=UTC)
MINUS_INFINITY = datetime.min.replace(tzinfo=UTC)


class ConnectionSource(Protocol):
    """Where a session's connections come from."""

    def lease(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the time of a block; raises Unreachable."""
        ...

    async def another(self) -> SingleConnection:
        """One more connection to the same server, for whoever asks; raises Unreachable."""
        ...

    async def close(self) -> None:
        """Close what is open."""
        ...


class SingleConnection:
    """The command line's one connection; made anew when it is asked for after it was lost."""

    def __init__(self, connection: Connection, conninfo: str, target: Target) -> None:
        self._connection = connection
        self._conninfo = conninfo
        self._target = target

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """The connection itself. Raises Unreachable where it was lost and cannot be made again."""
        if self._connection.closed:
            self._connection = await _opened(self._conninfo, self._target)
            await _configure(self._connection)
        yield self._connection

    async def another(self) -> SingleConnection:
        """A second one beside it."""
        return await _another(self._conninfo, self._target)

    async def close(self) -> None:
        """Close it."""
        await self._connection.close()


class Pool:
    """A few connections for a program that stays; broken ones are replaced. `target` is what messages name."""

    def __init__(
        self, pool: AsyncConnectionPool[Connection], conninfo: str, target: Target, refused: asyncio.Event
    ) -> None:
        self._pool = pool
        self._conninfo = conninfo
        self.target = target
        self._refused = refused

    @classmethod
    async def open(cls, conninfo: str, target: Target) -> Pool:
        """Start the pool; the first connection is made in the background."""
        from psycopg_pool import AsyncConnectionPool

        refused = asyncio.Event()

        async def note_refusal(pool: AsyncConnectionPool[Connection]) -> None:
            if not pool.get_stats().get("pool_size"):
                refused.set()

        pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            conninfo,
            connection_class=AsyncConnection[DictRow],
            kwargs={"autocommit": True, "prepare_threshold": None, "row_factory": dict_row},
            configure=_configure,
            min_size=1,
            max_size=POOL_SIZE,
            timeout=CONNECT_TIMEOUT_SECONDS,
            reconnect_timeout=0,
            reconnect_failed=note_refusal,
            check=_check,
            open=False,
        )
        await pool.open(wait=False)
        return cls(pool, conninfo, target, refused)

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Connection]:
        """A connection that answers; raises Unreachable when none can be had."""
        from psycopg_pool import PoolTimeout

        with translated(self.target):
            try:
                connection = await self._connection()
            except PoolTimeout:
                raise Unreachable(
                    f"lost the database ({self.target}): no connection within {CONNECT_TIMEOUT_SECONDS} s",
                    "check that the server is up",
                ) from None
        try:
            yield connection
        finally:
            await self._pool.putconn(connection)

    async def _connection(self) -> Connection:
        """A connection, or Unreachable at once when the server refuses; the pool alone would wait all its time."""
        self._refused.clear()
        getting = asyncio.create_task(self._pool.getconn())
        refusal = asyncio.create_task(self._refused.wait())
        try:
            await asyncio.wait((getting, refusal), return_when=asyncio.FIRST_COMPLETED)
            if getting.done():
                return getting.result()
        except asyncio.CancelledError:
            if getting.done() and not getting.exception():
                await self._pool.putconn(getting.result())
            raise
        finally:
            refusal.cancel()
            getting.cancel()
        raise Unreachable(f"lost the database ({self.target}): it takes no connections", "check that the server is up")

    async def another(self) -> SingleConnection:
        """One that is not of the pool, so that whoever works with it takes none from the others."""
        return await _another(self._conninfo, self.target)

    async def close(self) -> None:
        """Close the pool and its connections."""
        await self._pool.close()


@dataclass(frozen=True)
class Opened:
    """Where connections come from, with what was learned on the way: where they lead and what is there."""

    source: ConnectionSource
    target: Target
    catalog: Catalog


async def connect(spec: ConnectionSpec, *, pooled: bool = False) -> Opened:
    """Connect, find the pg-boss schema, read its catalog; a pool makes its first connection meanwhile.

    Raises UsageError (unreadable DSN), Unreachable, NotPgBoss (none found, or several and none named) and
    MissingPrivilege.
    """
    conninfo = _conninfo(spec)
    target = _expected_target(spec, conninfo)
    connection = await _opened(conninfo, target)
    opening = asyncio.create_task(Pool.open(conninfo, target)) if pooled else None
    try:
        await _configure(connection)
        info = connection.info
        target = replace(target, host=info.host or target.host, port=info.port, database=info.dbname, user=info.user)
        async with snapshot(connection, target, spec.statement_timeout):
            target = replace(target, schema=await _find_schema(connection, spec, target))
            catalog = await read_catalog(connection, target)
    except BaseException:
        await connection.close()
        if opening is not None:
            await (await opening).close()
        raise
    if opening is None:
        return Opened(SingleConnection(connection, conninfo, target), target, catalog)
    await connection.close()
    pool = await opening
    pool.target = target
    return Opened(pool, target, catalog)


async def _opened(conninfo: str, target: Target) -> Connection:
    # Whatever the driver has to say comes back as an error; on the terminal it would be written over a screen.
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    logging.getLogger("psycopg").propagate = False
    try:
        return await AsyncConnection[DictRow].connect(
            conninfo, autocommit=True, prepare_threshold=None, row_factory=dict_row
        )
    except (psycopg.Error, UnicodeError, ValueError, OSError) as error:
        raise connect_error(error, target) from None


async def _another(conninfo: str, target: Target) -> SingleConnection:
    connection = await _opened(conninfo, target)
    info = connection.info
    if (info.host or target.host, info.port) != (target.host, target.port):
        await connection.close()
        raise Unreachable(f"one more connection led to another server than {target}", "name a single host")
    await _configure(connection)
    return SingleConnection(connection, conninfo, target)


@asynccontextmanager
async def snapshot(connection: Connection, target: Target, timeout_seconds: float) -> AsyncIterator[None]:
    """A read-only transaction on a bare connection."""
    with translated(target, timeout_seconds):
        with answered(connection, deadline.GRACE_SECONDS, target):
            await connection.execute(begin("begin_read", timeout_seconds, LOCK_TIMEOUT_SECONDS).text)
        try:
            with answered(connection, timeout_seconds + deadline.GRACE_SECONDS, target):
                yield
        finally:
            await roll_back(connection)


async def roll_back(connection: Connection) -> None:
    """End a transaction, where there is one, without hiding the error that is on its way up."""
    if connection.info.transaction_status == pq.TransactionStatus.IDLE:
        return
    try:
        with answered(connection, QUICK_SECONDS):
            await connection.execute(bare("rollback").text)
    except (psycopg.Error, Unreachable):
        await connection.close()


async def read_catalog(connection: Connection, target: Target) -> Catalog:
    """The catalog of the target's schema. Raises NotPgBoss when it has no job table."""
    cursor = await connection.execute(bare("catalog").text, {"schema": target.schema})
    row = await cursor.fetchone()
    if row is None or "job" not in (row["tables"] or {}):
        raise NotPgBoss(f'schema "{clean(target.schema)}" has no job table ({target})', "name the schema with --schema")
    return Catalog.from_row(target.schema, row)


async def _find_schema(connection: Connection, spec: ConnectionSpec, target: Target) -> str:
    cursor = await connection.execute(bare("schemas").text, {})
    found = {row["name"]: row["usable"] for row in await cursor.fetchall()}
    name = _chosen(spec.schema, tuple(found), target)
    if not found[name]:
        raise MissingPrivilege(
            f'role {clean(target.user)} may not use schema "{clean(name)}"', grant_hint(name, target.user)
        )
    return name


def _chosen(asked: str | None, found: tuple[str, ...], target: Target) -> str:
    database = f'database "{clean(target.database)}" on {target.host}:{target.port}'
    listed = ", ".join(clean(name) for name in found)
    if asked is not None:
        if asked in found:
            return asked
        there = f"pg-boss schemas there: {listed}" if found else "there is no pg-boss schema in it at all"
        raise NotPgBoss(f'"{clean(asked)}" is not a pg-boss schema of {database}; {there}', "name one with --schema")
    if "pgboss" in found:
        return "pgboss"
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotPgBoss(
            f"no pg-boss schema in {database}: looked for a schema with a table version and a type job_state",
            "name another database with --dsn, or let pg-boss create its schema with boss.start()",
        )
    raise NotPgBoss(f"{database} has several pg-boss schemas: {listed}", f"choose one, e.g. --schema {clean(found[0])}")


async def _check(connection: Connection) -> None:
    try:
        with answered(connection, QUICK_SECONDS):
            await connection.execute("")
    except Unreachable as error:
        raise psycopg.OperationalError(str(error)) from None


async def _configure(connection: Connection) -> None:
    connection.adapters.register_loader("timestamptz", _TimestampLoader)
    connection.adapters.register_loader("timestamp", _TimestampLoader)


class _TimestampLoader(Loader):
    """Timestamps as UTC (pg-boss keeps UTC wall time where there is no zone, FACTS §2.3).

    What Python cannot hold becomes the nearer infinity instead of an error.
    """

    def load(self, data: Buffer) -> datetime:
        text = str(data, "ascii")
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is UTC:
                return moment
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            return MINUS_INFINITY if text.startswith("-") or text.endswith("BC") else INFINITY


def _conninfo(spec: ConnectionSpec) -> str:
    try:
        given = conninfo_to_dict(spec.dsn)
        given["application_name"] = APPLICATION_NAME
        around = _libpq_defaults(given)  # what is given here would not be heard there any more
        given.setdefault("connect_timeout", around.get("connect_timeout", CONNECT_TIMEOUT_SECONDS))
        given.setdefault("sslpassword", around.get("sslpassword", NO_PASSPHRASE))
        return make_conninfo("", **given)
    except (psycopg.Error, UnicodeError, ValueError):
        raise malformed(spec.source) from None


def _expected_target(spec: ConnectionSpec, conninfo: str) -> Target:
    given = conninfo_to_dict(conninfo)
    values: Mapping[str, Any] = _libpq_defaults(given) | given
    host = str(values.get("host") or values.get("hostaddr") or "localhost")
    port = str(values.get("port") or "5432").partition(",")[0]
    user = str(values.get("user") or "")
    return Target(
        host=host,
        port=int(port) if port.isdigit() else 5432,
        database=str(values.get("dbname") or user),
        user=user,
        schema=spec.schema or "pgboss",
        source=spec.source,
        context=spec.context,
        read_only=spec.read_only,
        color=spec.color,
    )


def _libpq_defaults(given: Mapping[str, Any]) -> dict[str, Any]:
    """What libpq takes beside what is given: from its environment, and from the service that is named."""
    with naming_service(given.get("service")):
        options = pq.Conninfo.get_defaults()
    return {one.keyword.decode(): one.val.decode(errors="replace") for one in options if one.val is not None}
