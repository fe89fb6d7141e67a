"""`bossctl queue list` and `show`."""

from __future__ import annotations

from typing import Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer


def list_queues(ctx: typer.Context, output: OutputOption = Format.TABLE) -> None:
    """List the queues with their counts per state.

    Also the age of the oldest due job, the failures of the last hour, the policy and the dead-letter queue.

    \b
    Example:
      bossctl queue list -o json
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import queues as views

    printer = Printer(settings_of(ctx), output)
    overview = bridge.read(settings_of(ctx), lambda store: store.overview())
    if not printer.human:
        printer.rows({"queues": [shapes.queue(one) for one in overview.queues]}, "queues", ("queue",))
    else:
        views.queue_list(printer, overview)


def show_queue(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The queue's name.", show_default=False)],
    output: OutputOption = Format.TABLE,
) -> None:
    """Show everything about one queue.

    \b
    Example:
      bossctl queue show email
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import queues as views

    printer = Printer(settings_of(ctx), output)
    detail = bridge.read(settings_of(ctx), lambda store: store.queue(name))
    if not printer.human:
        printer.rows({"queues": [shapes.queue_detail(detail)]}, "queues")
    else:
        views.queue_detail(printer, detail)
