"""What an open terminal UI costs a busy server: its own processor time there, and the throughput of real workers.

    python -m tests.bench.load [--jobs N] [--pairs N] [--seconds S]

On the newest pg-boss with N jobs in the table four processes work flat out; in turn the TUI is open, reading every
2 seconds, or not. Exit code 1 when bossctl took 1 % of a core or more of the server's time.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import LiteralString

import psycopg

from bossctl.demo.server import running_server
from tests.bench.data import fill
from tests.bench.processes import OURS
from tests.bench.staying import Backends
from tests.support.bed import install
from tests.support.boss import Boss
from tests.support.releases import NEWEST
from tests.support.terminal import Terminal, terminal

SERVER = {"shared_buffers": "1GB", "max_wal_size": "8GB"}
QUEUE = "flat-out"
WORKERS, LOOPS, BATCH = 4, 1, 100
SHARE = 0.01
SETTLE_SECONDS = 15.0
MOST_PER_SECOND = WORKERS * LOOPS * BATCH * 3
"""A loop fetches a batch every half a second."""
SUPPLY = "INSERT INTO pgboss.job (name, data) SELECT %s, jsonb_build_object('n', n) FROM generate_series(1, %s) AS n"
LEFT = "SELECT count(*) FROM pgboss.job WHERE name = %s AND state < 'active'"
DONE = "SELECT count(*) FROM pgboss.job WHERE name = %s AND state = 'completed'"


class Bench:
    """A filled database, its workers, and a terminal for the UI."""

    def __init__(self, dsn: str, window: Terminal) -> None:
        self.dsn = dsn
        self.window = window
        self.connection = psycopg.connect(dsn, autocommit=True)

    async def hire(self) -> list[Boss]:
        """The workers, at work."""
        workers = []
        for _ in range(WORKERS):
            one = await Boss.open(NEWEST)
            workers.append(one)
            await one.start(connectionString=self.dsn, schema="pgboss", supervise=False, schedule=False)
        await workers[0].create_queue(QUEUE)
        for one in workers:
            for _ in range(LOOPS):
                await one.work(QUEUE, {"do": "succeed"}, batchSize=BATCH)
        return workers

    async def stretch(self, seconds: float) -> float:
        """Jobs done per second."""
        before, began = self._count(DONE), monotonic()
        await asyncio.sleep(seconds)
        done, took = self._count(DONE) - before, monotonic() - began
        if self._count(LEFT) == 0:
            raise RuntimeError("the workers ran out of jobs")
        return done / took

    def supply(self, seconds: float) -> None:
        """As many jobs as may be done in so long, and fresh statistics."""
        self.connection.execute(SUPPLY, [QUEUE, round(seconds * MOST_PER_SECOND)])
        self.connection.execute("VACUUM ANALYZE pgboss.job_common")

    def _count(self, statement: LiteralString) -> int:
        row = self.connection.execute(statement, [QUEUE]).fetchone()
        return row[0] if row else 0

    async def watched(self, seconds: float) -> tuple[float, float]:
        """Jobs per second while the TUI is open, and the share of a core that its server processes took."""
        backends = Backends(self.connection)
        self.window.start([*map(str, OURS), "tui", "--dsn", self.dsn], {"TERM": "xterm-256color"}, (140, 40))
        self.window.until("queue-01")
        await asyncio.sleep(SETTLE_SECONDS)
        looking = asyncio.create_task(backends.over(seconds))
        rate = await self.stretch(seconds)
        share = await looking
        self.window.run("kill-server")
        return rate, share


async def measure(dsn: str, pairs: int, seconds: float) -> bool:
    """Print the pairs and what they come to; whether the share stayed below the limit."""
    with tempfile.TemporaryDirectory(prefix="tm-") as directory, terminal(Path(directory)) as window:
        bench = Bench(dsn, window)
        workers = await bench.hire()
        try:
            return await _pairs(bench, pairs, seconds)
        finally:
            for one in workers:
                await one.close()


async def _pairs(bench: Bench, pairs: int, seconds: float) -> bool:
    alone, beside, shares = [], [], []
    for number in range(1, pairs + 1):
        bench.supply(2 * (seconds + SETTLE_SECONDS))
        alone.append(await bench.stretch(seconds))
        rate, share = await bench.watched(seconds)
        beside.append(rate)
        shares.append(share)
        print(f"pair {number}: {alone[-1]:.0f} jobs/s alone, {rate:.0f} beside the TUI, share {share:.2%}", flush=True)  # noqa: T201
    differences = [one / other - 1 for one, other in zip(beside, alone, strict=True)]
    print(  # noqa: T201
        f"share of a core: mean {statistics.mean(shares):.2%}, most {max(shares):.2%}; throughput beside the TUI"
        f" {statistics.mean(differences):+.1%} ± {statistics.stdev(differences) if pairs > 1 else 0:.1%}"
    )
    return statistics.mean(shares) < SHARE


def main() -> int:
    """Build it, measure it; exit code 1 when the share is too large."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.load", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    with running_server(settings=SERVER) as server:
        dsn = server.dsn()
        install(NEWEST, dsn, "pgboss")
        with psycopg.connect(dsn) as connection:
            fill(connection, "pgboss", options.jobs)
        return 0 if asyncio.run(measure(dsn, options.pairs, options.seconds)) else 1


if __name__ == "__main__":
    sys.exit(main())
