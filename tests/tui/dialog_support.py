"""What tests of dialogs share: patience, toasts, roles with few rights, a server that can be lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bossctl.demo.server import Server, running_server
from tests.support.bed import install
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import Driver

MAIL = """SELECT pgboss.create_queue('mail', '{"policy": "standard"}')"""


async def until(driver: Driver, condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Let the app run until the condition holds. The pilot's own pause asks every widget of a dialog, which is dear."""
    deadline = monotonic() + seconds
    while not condition():
        assert driver.app.failure is None, driver.app.failure
        assert monotonic() < deadline, f"still not so after {seconds} s:\n{driver.text}"
        await asyncio.sleep(0.01)


def toasts(driver: Driver) -> list[str]:
    """What was told in the corner."""
    return [one.message for one in driver.app._notifications]


@contextmanager
def reader(db: Database) -> Iterator[str]:
    """A connection string of a role that may only read."""
    names = {"role": sql.Identifier(f"reader_{db.name}")}
    db.connection.execute(sql.SQL("CREATE ROLE {role} LOGIN PASSWORD 'x'").format(**names))
    try:
        db.connection.execute(sql.SQL("GRANT USAGE ON SCHEMA pgboss TO {role}").format(**names))
        db.connection.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO {role}").format(**names))
        yield make_conninfo(db.dsn, user=f"reader_{db.name}", password="x")
    finally:
        db.connection.execute(sql.SQL("DROP OWNED BY {role}; DROP ROLE {role}").format(**names))


class LosableServer:
    """A server of one's own with the queue `mail`, whose rows can be held and which can be killed."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.dsn = server.dsn()

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        """Run one statement."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(question.encode())
            return cursor.fetchall() if cursor.description else []

    def hold(self) -> psycopg.Connection[Any]:
        """A session that keeps every queue's row."""
        connection = psycopg.connect(self.dsn)
        connection.execute("SELECT FROM pgboss.queue FOR UPDATE")
        return connection

    async def lose(self, driver: Driver, key: str) -> None:
        """Press a key that changes something, and kill the server while the change waits for a lock."""
        holder = await asyncio.to_thread(self.hold)
        await driver.press(key)
        blocked = "SELECT 1 FROM pg_stat_activity WHERE application_name = 'bossctl' AND wait_event_type = 'Lock'"
        for _ in range(400):
            if await asyncio.to_thread(self.ask, blocked):
                break
            await driver.pilot.pause(0.02)
        else:
            raise AssertionError("it never came to wait")
        await asyncio.to_thread(self.server.kill)
        holder.close()


@contextmanager
def losable_server() -> Iterator[LosableServer]:
    """For a fixture: it takes a second to start."""
    with running_server() as server:
        install(NEWEST, server.dsn(), "pgboss")
        own = LosableServer(server)
        own.ask(MAIL)
        yield own
