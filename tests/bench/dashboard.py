"""The official dashboard beside bossctl: its own pages, run from npm, their statements timed by the server itself."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, Popen
from time import monotonic, sleep
from urllib.error import URLError

from bossctl.demo.node import cached_packages, find_node
from bossctl.selector import parse
from bossctl.store import Store
from tests.bench.measure import Figure, Timed

PACKAGE, VERSION = "@pg-boss/dashboard", "1.9.0"
SERVER = {"log_min_duration_statement": "0", "log_duration": "off"}
"""Settings a server needs for `Dashboard.cost`."""
RUNS = 5
PATIENCE_SECONDS = 60
_DURATION = re.compile(rb"duration: (\d+\.\d+) ms")
PAGES = (
    ("overview", "/", None, None),
    ("newest jobs, all queues", "/jobs?state=all", "", 1 / 15),
    ("newest open jobs", "/jobs?state=pending", "is:open", 1 / 12),
    ("newest failed, all queues", "/jobs?state=failed", "state:failed", 1 / 3),
    ("newest failed of one queue", "/queues/{queue}?state=failed", "queue:{queue} state:failed", 1 / 20),
    ("newest completed", "/jobs?state=completed", "state:completed", 1 / 30),
)
"""What is read, the dashboard's page for it, bossctl's selection, and how much of the page's time bossctl may take."""


class Dashboard:
    """A running dashboard. `log` is the file the server logs its statements to."""

    def __init__(self, address: str, log: Path) -> None:
        self.address = address
        self.log = log

    def page(self, path: str) -> None:
        """Ask for a page. Raises URLError when it is not served."""
        with urllib.request.urlopen(self.address + path, timeout=PATIENCE_SECONDS) as answer:
            answer.read()

    def cost(self, path: str) -> float:
        """Milliseconds the server spent on the statements of one page, by its log."""
        before = self.log.stat().st_size
        self.page(path)
        return self._spent(before)

    async def cost_of(self, reading: Timed) -> float:
        """The same for a reading of bossctl's, while nobody asks for a page."""
        before = self.log.stat().st_size
        await reading()
        return await asyncio.to_thread(self._spent, before)

    def _spent(self, place: int) -> float:
        return sum(map(float, _DURATION.findall(self._since(place))))

    def _since(self, place: int) -> bytes:
        """What was logged after a place, once nothing more comes."""
        size = -1
        while size != (size := self.log.stat().st_size):
            sleep(0.1)
        with self.log.open("rb") as log:
            log.seek(place)
            return log.read()


@contextmanager
def dashboard(dsn: str, schema: str, log: Path) -> Iterator[Dashboard]:
    """The dashboard on a database, on loopback. Raises TimeoutError when it does not start."""
    modules = cached_packages({PACKAGE: VERSION}) / "node_modules"
    port = _free_port()
    environment = {"DATABASE_URL": dsn, "PGBOSS_SCHEMA": schema, "HOST": "127.0.0.1", "PORT": str(port)}
    process = Popen(
        [find_node().program, modules / PACKAGE / "bin" / "cli.js"],
        env={**os.environ, **environment, "NODE_ENV": "production"},
        stdout=DEVNULL,
        stderr=DEVNULL,
    )
    try:
        running = Dashboard(f"http://127.0.0.1:{port}", log)
        _wait_for(running)
        yield running
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(running: Dashboard) -> None:
    end = monotonic() + PATIENCE_SECONDS
    while True:
        try:
            running.page("/")
        except URLError as error:
            if monotonic() > end:
                raise TimeoutError(f"the dashboard did not start: {error}") from error
            sleep(0.2)
        else:
            return


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def figures(store: Store, running: Dashboard, queue: str) -> AsyncIterator[Figure]:
    """A line for each page; on schemas without the list indexes of 46 bossctl must only not be slower."""
    indexed = store.catalog.has("index:i15")
    for name, path, expression, share in PAGES:
        costs = [await asyncio.to_thread(running.cost, path.format(queue=queue)) for _ in range(RUNS)]
        ours = min([await running.cost_of(_reading(store, expression, queue)) for _ in range(RUNS + 1)])
        ratio = share if indexed or share is None else 1.0
        yield Figure(name, ours, "dashboard page", min(costs), ratio)


def _reading(store: Store, expression: str | None, queue: str) -> Timed:
    if expression is None:
        return store.overview
    selector = parse(expression.format(queue=queue)) if expression else None
    return lambda: store.jobs(selector, limit=50)
