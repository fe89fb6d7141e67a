"""python -m tests.bench [--jobs N] [--actions N] [--release R …]: the speed of bossctl beside its references."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

import psycopg

from bossctl.config import ConnectionSpec
from bossctl.demo.server import running_server
from bossctl.store import Store
from tests.bench import actions, dashboard, processes
from tests.bench.data import fill
from tests.bench.readings import LARGEST, Bench, figures
from tests.support.bed import install
from tests.support.releases import ALL_RELEASES

SERVER = {"shared_buffers": "1GB", "max_wal_size": "8GB", "autovacuum": "off"}
RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", "12.38.0")
DASHBOARD_RELEASES = ("12.34.0", "12.38.0")
"""The newest with which the dashboard works fully, and the newest."""
HEADER = "| reading | bossctl ms | reference ms | ratio | target | |\n|---|---|---|---|---|---|"


async def measure(dsn: str, schema: str) -> bool:
    """Print the table of one database; whether every target was met."""
    spec = ConnectionSpec(dsn, schema, "--dsn", "--schema", None, False, 120.0)
    met = True
    print(HEADER)  # noqa: T201
    async with await Store.open(spec) as store, await psycopg.AsyncConnection.connect(dsn, autocommit=True) as bare:
        await bare.execute("SET jit = off")
        async for figure in figures(Bench(store, bare, schema)):
            met = met and figure.passes is not False
            print(figure.line(), flush=True)  # noqa: T201
    async for figure in processes.figures(dsn, schema):
        met = met and figure.passes is not False
        print(figure.line(), flush=True)  # noqa: T201
    return met


async def beside_dashboard(dsn: str, log: Path) -> bool:
    """Print the table of the official dashboard's pages; whether every target was met."""
    spec = ConnectionSpec(dsn, "pgboss", "--dsn", None, None, False, 120.0)
    met = True
    print(HEADER)  # noqa: T201
    async with await Store.open(spec) as store:
        with dashboard.dashboard(dsn, "pgboss", log) as running:
            async for figure in dashboard.figures(store, running, LARGEST):
                met = met and figure.passes is not False
                print(figure.line(), flush=True)  # noqa: T201
    return met


async def act(dsn: str, jobs: int) -> bool:
    """Print the table of the actions; whether every target was met."""
    spec = ConnectionSpec(dsn, "pgboss", "--dsn", None, None, False, 120.0)
    met = True
    print(HEADER)  # noqa: T201
    async with await Store.open(spec) as store, await psycopg.AsyncConnection.connect(dsn, autocommit=True) as bare:
        async for figure in actions.figures(store, bare, jobs):
            met = met and figure.passes is not False
            print(figure.line(), flush=True)  # noqa: T201
    return met


def main() -> int:
    """Build a database per release on the embedded server and measure it; exit code 1 when a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=main.__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--release", action="append", choices=ALL_RELEASES)
    parser.add_argument("--actions", type=int, metavar="N", help="measure actions on N jobs instead of readings")
    parser.add_argument("--dashboard", action="store_true", help="measure beside the official dashboard's own pages")
    parser.add_argument("--dsn", help="measure this filled database instead of building one")
    parser.add_argument("--schema", default="pgboss")
    options = parser.parse_args()
    if options.dsn:
        return 0 if asyncio.run(measure(options.dsn, options.schema)) else 1
    met = True
    for release in options.release or (DASHBOARD_RELEASES if options.dashboard else RELEASES):
        print(f"\n### pg-boss {release}, {options.actions or options.jobs:,} jobs\n")  # noqa: T201
        met = _built(release, options.jobs, options.actions, beside=options.dashboard) and met
    return 0 if met else 1


def _built(release: str, jobs: int, acted: int | None, *, beside: bool) -> bool:
    with running_server(settings={**SERVER, **(dashboard.SERVER if beside else {})}) as server:
        dsn = server.dsn()
        install(release, dsn, "pgboss")
        if acted:
            return asyncio.run(act(dsn, acted))
        with psycopg.connect(dsn) as connection:
            fill(connection, "pgboss", jobs)
        if beside:
            return asyncio.run(beside_dashboard(dsn, server.log))
        return asyncio.run(measure(dsn, "pgboss"))


if __name__ == "__main__":
    sys.exit(main())
