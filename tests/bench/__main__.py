"""python -m tests.bench [--jobs N] [--actions N] [--dashboard] [--release R …]: bossctl's speed beside references."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg

from bossctl.config import ConnectionSpec
from bossctl.demo.server import running_server
from bossctl.store import Store
from tests.bench import actions, dashboard, processes, readings, report, staying
from tests.bench.data import fill
from tests.bench.measure import Figure
from tests.support.bed import install
from tests.support.releases import ALL_RELEASES

SERVER = {"shared_buffers": "1GB", "max_wal_size": "8GB", "autovacuum": "off"}
RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", "12.38.0")
"""Schemas 20, 24, 26, 37 and 46."""
DASHBOARD_RELEASES = ("12.34.0", "12.38.0")
"""The newest with which the dashboard works fully, and the newest."""
HEADER = "| reading | bossctl ms | reference ms | ratio | target | |\n|---|---|---|---|---|---|"


async def of_readings(dsn: str, schema: str, release: str | None = None) -> AsyncIterator[Figure]:
    """Readings, then whole processes; where the database is ours and holds a `release`, what stays open as well."""
    async with await Store.open(_spec(dsn, schema)) as store, await _bare(dsn) as bare:
        await bare.execute("SET jit = off")
        bench = readings.Bench(store, bare, schema)
        async for figure in readings.figures(bench):
            yield figure
        async for figure in processes.figures(dsn, schema):
            yield figure
        if release is not None:
            async for figure in staying.figures(bench, dsn, release):
                yield figure


async def of_pages(dsn: str, log: Path) -> AsyncIterator[Figure]:
    """The official dashboard's pages."""
    async with await Store.open(_spec(dsn, "pgboss")) as store:
        with dashboard.dashboard(dsn, "pgboss", log) as running:
            async for figure in dashboard.figures(store, running, readings.LARGEST):
                yield figure


async def of_actions(dsn: str, jobs: int) -> AsyncIterator[Figure]:
    """Actions on so many jobs."""
    async with await Store.open(_spec(dsn, "pgboss")) as store, await _bare(dsn) as bare:
        async for figure in actions.figures(store, bare, jobs):
            yield figure


async def _bare(dsn: str) -> psycopg.AsyncConnection:
    return await psycopg.AsyncConnection.connect(dsn, autocommit=True)


def _spec(dsn: str, schema: str) -> ConnectionSpec:
    return ConnectionSpec(dsn, schema, "--dsn", "--schema", None, False, 120.0)


async def printed(figures: AsyncIterator[Figure]) -> list[Figure]:
    """Each line as soon as it is measured."""
    print(HEADER)  # noqa: T201
    taken = []
    async for figure in figures:
        taken.append(figure)
        print(figure.line(), flush=True)  # noqa: T201
    return taken


def main() -> int:
    """Build a database per release on the embedded server and measure it; exit code 1 when a target is missed."""
    options = _options()
    if options.dsn:
        results = {"here": asyncio.run(printed(of_readings(options.dsn, options.schema)))}
    else:
        releases = options.release or (DASHBOARD_RELEASES if options.dashboard else RELEASES)
        results = {release: _built(release, options) for release in releases}
    if options.write:
        report.write(results, "actions" if options.actions else "speed")
    return 1 if any(figure.passes is False for figures in results.values() for figure in figures) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=main.__doc__)
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--release", action="append", choices=ALL_RELEASES)
    parser.add_argument("--actions", type=int, metavar="N", help="measure actions on N jobs instead of readings")
    parser.add_argument("--dashboard", action="store_true", help="measure beside the official dashboard's own pages")
    parser.add_argument("--dsn", help="measure this filled database instead of building one")
    parser.add_argument("--schema", default="pgboss")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    return parser.parse_args()


def _built(release: str, options: argparse.Namespace) -> list[Figure]:
    print(f"\n### pg-boss {release}, {options.actions or options.jobs:,} jobs\n")  # noqa: T201
    with running_server(settings={**SERVER, **(dashboard.SERVER if options.dashboard else {})}) as server:
        dsn = server.dsn()
        install(release, dsn, "pgboss")
        if options.actions:
            return asyncio.run(printed(of_actions(dsn, options.actions)))
        with psycopg.connect(dsn) as connection:
            fill(connection, "pgboss", options.jobs)
        figures = of_pages(dsn, server.log) if options.dashboard else of_readings(dsn, "pgboss", release)
        return asyncio.run(printed(figures))


if __name__ == "__main__":
    sys.exit(main())
