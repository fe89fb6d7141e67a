"""`bossctl schedule list` and `bossctl worker list`."""

from __future__ import annotations

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer


def list_schedules(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """List the cron schedules: when they run next and the last job each sent.

    \b
    Example:
      bossctl schedule list -o csv
    """
    from bossctl.cli import bridge, shapes, upcoming
    from bossctl.cli.views import services as views

    printer = Printer(settings_of(ctx), output)
    schedules, now = bridge.read(settings_of(ctx), upcoming.read_schedules)
    runs = [upcoming.next_three(one, now) for one in schedules]
    if not printer.human:
        rows = [shapes.schedule(one, times) for one, times in zip(schedules, runs, strict=True)]
        printer.rows({"schedules": rows}, "schedules", shapes.SCHEDULE_KEYS)
    else:
        views.schedule_list(printer, schedules, runs)


def list_workers(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """List pg-boss processes: registered instances, else database sessions that look like them.

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
