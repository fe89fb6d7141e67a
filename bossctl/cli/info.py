"""`bossctl info` and `bossctl stats`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer

if TYPE_CHECKING:
    from bossctl.models.queues import QueueOverview
    from bossctl.store import Store


def info(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """Show what this server and its pg-boss schema are.

    Their versions, what the schema can do, its sizes, and when its background duties last ran.

    \b
    Example:
      bossctl info --schema pgboss_v12
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import info as views

    printer = Printer(settings_of(ctx), output)
    reading = bridge.read(settings_of(ctx), lambda store: store.info())
    if not printer.human:
        printer.single(shapes.info(reading))
    else:
        views.info(printer, reading)


def stats(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """Draw each queue's jobs by state, counted exactly.

    \b
    Example:
      bossctl stats
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import info as views

    printer = Printer(settings_of(ctx), output)
    overview = bridge.read(settings_of(ctx), _counted)
    if not printer.human:
        printer.rows({"queues": [shapes.queue(one) for one in overview.queues]}, "queues", ("queue",))
    else:
        views.histogram(printer, overview)


async def _counted(store: Store) -> QueueOverview:
    """The overview with every count exact, from one pass over the jobs, also of queues that have no row."""
    from dataclasses import replace

    from bossctl.models.common import UNKNOWN
    from bossctl.models.queues import Queue

    overview = await store.overview()
    exact = dict((await store.histogram()).queues)
    known = tuple(replace(one, counts=exact.pop(one.name, one.counts)) for one in overview.queues)
    orphans = tuple(
        Queue(name, {}, counts, {}, None, UNKNOWN, storage="orphaned", table="", implicit=True)
        for name, counts in exact.items()
    )
    return replace(overview, queues=known + orphans)
