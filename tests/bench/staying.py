"""A terminal UI that stays open: what a tick costs the server, what it keeps, how long a key may have to wait.

Beside it, for scale, what pg-boss's own monitor pass takes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from time import monotonic, thread_time
from urllib.parse import urlsplit

import psutil
import psycopg
from rich.text import Text
from textual.app import App, ComposeResult
from textual.widgets import DataTable

from tests.bench.measure import Figure, compare
from tests.bench.processes import BARE_TEXTUAL, OURS, in_terminal, program
from tests.bench.readings import BASE, Bench
from tests.support.bed import install
from tests.support.boss import PATIENCE_SECONDS, Boss, NotInThisRelease
from tests.tui.app_support import LARGE, running
from tests.tui.dialog_support import until
from tests.tui.stall_support import QUEUES, TRIES, Keyboard, Steps, fill, readings, screens, theme, tidied

SETTLE_SECONDS, STAY_SECONDS, TICK_SECONDS = 20.0, 40.0, 2.0
COLUMNS = 9
LONGEST_MS = 50.0
"""What a step may take. Whatever takes longer is done again: it counts how it went best, as everywhere here."""
BACKENDS = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'bossctl%%' AND pid <> ALL (%s::int[])"


class Backends:
    """Processor time of the server's processes for bossctl, those that have ended meanwhile included.

    The server is on this machine. Sessions that are there already do not count.
    """

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection
        self._times: dict[int, float] = {}
        self._others = [pid for (pid,) in connection.execute(BACKENDS, [[]])]

    def spent(self) -> float:
        """Seconds so far; to be asked often, since the pool replaces its connections."""
        for (pid,) in self._connection.execute(BACKENDS, [self._others]):
            with suppress(psutil.NoSuchProcess):
                taken = psutil.Process(pid).cpu_times()
                self._times[pid] = taken.user + taken.system
        return sum(self._times.values())

    async def over(self, seconds: float) -> float:
        """The share of a core that they take over so long."""
        before, began = self.spent(), monotonic()
        while monotonic() - began < seconds:
            await asyncio.sleep(0.2)
            self.spent()
        return (self.spent() - before) / (monotonic() - began)


async def figures(bench: Bench, dsn: str, release: str) -> AsyncIterator[Figure]:
    """Of a database of ours that holds `release`; the monitor pass comes last, since it changes jobs."""
    base, _ = await compare(bench.bare(BASE), _nothing)
    tick, kept = await left_open(dsn)
    yield Figure("TUI left open, server's time a tick", tick, "base", base, None, 20.0 if bench.indexed else None)
    yield Figure("TUI left open, MB of memory", kept, "bare Textual table", await _bare_memory(), None, 75.0)
    if bench.store.catalog.layout == "common":
        ours, stock = await longest_steps(dsn, release)
        yield Figure("TUI with 1,000 queues, longest step", ours, "stock DataTable", stock, None, LONGEST_MS)
    try:
        with psycopg.connect(dsn, autocommit=True) as connection:
            passed, base = await _monitor(connection, bench, dsn, release)
    except TimeoutError:
        sys.stderr.write(f"pg-boss's own monitor pass took more than {PATIENCE_SECONDS:g} s\n")
        return
    yield Figure("pg-boss's own monitor pass, for scale", passed, "base", base)


async def _nothing() -> None:
    pass


async def left_open(dsn: str) -> tuple[float, float]:
    """Milliseconds of the server's processor time a tick of two seconds, and MB resident."""
    with psycopg.connect(dsn, autocommit=True) as asking:
        backends = Backends(asking)  # before it starts: what is there already does not count
        with in_terminal([*OURS, "tui", "--dsn", dsn]) as (child, terminal), _drained(terminal):
            await asyncio.sleep(SETTLE_SECONDS)
            share = await backends.over(STAY_SECONDS)
            return share * TICK_SECONDS * 1000, psutil.Process(child).memory_info().rss / 1024**2


async def _bare_memory() -> float:
    with program(BARE_TEXTUAL) as command, in_terminal(command) as (child, terminal), _drained(terminal):
        await asyncio.sleep(3)
        return psutil.Process(child).memory_info().rss / 1024**2


@contextmanager
def _drained(terminal: int) -> Iterator[None]:
    """What is drawn on a terminal is read, and forgotten."""
    loop = asyncio.get_running_loop()
    loop.add_reader(terminal, os.read, terminal, 65536)
    try:
        yield
    finally:
        loop.remove_reader(terminal)


async def longest_steps(dsn: str, release: str) -> tuple[float, float]:
    """The longest steps of the event loop in milliseconds of the thread's own time: ours, and of Textual's own table.

    Ours takes readings, runs doctor and goes to each screen; the other one gets new cells.
    """
    elsewhere = urlsplit(dsn)._replace(path="/thousand").geturl()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS thousand")
        connection.execute("CREATE DATABASE thousand")
    install(release, elsewhere, "pgboss")
    with psycopg.connect(elsewhere, autocommit=True) as connection:
        fill(connection)
        async with running(elsewhere, size=LARGE, refresh=0.5, checkup_after=0) as driver:
            await until(driver, lambda: driver.table.line_count >= QUEUES)
            with tidied(driver):
                await until(driver, lambda: driver.app.desk.checkup.value)
                keyboard = Keyboard(driver, LONGEST_MS / 1000)
                await readings(keyboard, connection)
                await screens(keyboard, connection)
                await theme(keyboard)
    return max(keyboard.longest.values()) * 1000, await _stock_step() * 1000


class _Stock(App[None]):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")


async def _stock_step() -> float:
    app = _Stock()
    async with app.run_test(size=LARGE) as pilot:
        table = app.query_one(DataTable[Text])
        table.add_columns(*((f"column {number}", str(number)) for number in range(COLUMNS)))
        for row in range(QUEUES):
            table.add_row(*(Text("x" * 9) for _ in range(COLUMNS)), key=str(row))
        await pilot.pause()
        return min([await _changed(table, pilot.pause, seed) for seed in range(TRIES)])


async def _changed(table: DataTable[Text], pause: Callable[[], Awaitable[object]], seed: int) -> float:
    with Steps() as steps:
        began = thread_time()
        for row in range(QUEUES):
            for column in range(COLUMNS):
                table.update_cell(str(row), str(column), Text(str(seed)))
        step = thread_time() - began
        await pause()
    return max(step, steps.longest)


async def _monitor(connection: psycopg.Connection, bench: Bench, dsn: str, release: str) -> tuple[float, float]:
    stamps = [one for one in ("monitor_on", "monitor_claim_on") if bench.store.catalog.has(f"queue.{one}")]
    forget = ", ".join(f"{one} = NULL" for one in stamps)
    boss = await Boss.open(release)

    async def once() -> None:
        """8 to 10 count by itself; newer ones count the queues of which nobody has for some time."""
        try:
            await boss.any("countStates")
        except NotInThisRelease:
            connection.execute(f"UPDATE pgboss.queue SET {forget}".encode())
            await boss.any("supervise")

    try:
        await boss.start(connectionString=dsn, schema=bench.schema, supervise=False, schedule=False, migrate=False)
        return await compare(once, bench.bare(BASE))
    finally:
        await boss.close()
