"""`bossctl schedule list` and `bossctl worker list`."""

from __future__ import annotations

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer


def list_schedules(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """List the cron schedules, their next runs and what they missed.

    Missed are slots of the last day for which the scheduler sent nothing, of those that can be looked at; null or ?
    where that is not known.

    \b
    Example:
      bossctl schedule list -o csv
    """
    from bossctl.cli import bridge, shapes, talk
    from bossctl.cli.views import services as views

    printer = Printer(settings_of(ctx), output)
    found = bridge.read(settings_of(ctx), lambda store: store.schedules())
    if not printer.human:
        rows = [shapes.schedule(one) for one in found.records]
        printer.rows({"schedules": rows}, "schedules", shapes.SCHEDULE_KEYS)
    else:
        views.schedule_list(printer, found.records)
    if found.note:
        talk.say(f"note: {found.note}")


def list_workers(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """List the pg-boss processes.

    Registered instances where the schema has a registry, else database sessions that look like pg-boss.

    \b
    Example:
      bossctl worker list
    """
    from bossctl.cli import bridge, shapes, talk
    from bossctl.cli.views import services as views

    printer = Printer(settings_of(ctx), output)
    found = bridge.read(settings_of(ctx), lambda store: store.workers())
    if not printer.human:
        rows = [shapes.worker(one) for one in found.workers]
        printer.rows({"workers": rows}, "workers", shapes.WORKER_KEYS)
    else:
        views.worker_list(printer, found)
    if found.note:
        talk.say(f"note: {found.note}")
