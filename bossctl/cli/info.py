"""`bossctl info` and `bossctl stats`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, OutputOption, Printer
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from bossctl.models.queues import QueueOverview
    from bossctl.store import Store


class Rights(StrEnum):
    """What a role is for."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


GrantsOption = Annotated[
    Rights | None,
    typer.Option("--grants", metavar="RIGHTS", help="Print SQL that makes a viewer, operator or owner."),
]
RoleOption = Annotated[
    str | None, typer.Option("--role", metavar="NAME", help="The role it is for (bossctl_viewer and so on).")
]


def info(
    ctx: typer.Context, output: OutputOption = Format.TABLE, grants: GrantsOption = None, role: RoleOption = None
) -> None:
    """Show what this server and its pg-boss schema are.

    Their versions, what the schema can do, its sizes, and when its background duties last ran.

    \b
    Example:
      bossctl info --schema pgboss_v12
      bossctl info --grants viewer --role dashboard | psql "$ADMIN_URL"
    """
    from bossctl.cli import bridge, shapes
    from bossctl.cli.views import info as views

    printer = Printer(settings_of(ctx), output)
    if grants is not None:
        _grants(ctx, printer, grants, f"bossctl_{grants}" if role is None else role)
        return
    if role is not None:
        raise UsageError("--role names the role that --grants is for", "bossctl info --grants viewer --role NAME")
    reading = bridge.read(settings_of(ctx), lambda store: store.info())
    if not printer.human:
        printer.single(shapes.info(reading))
    else:
        views.info(printer, reading)


def _grants(ctx: typer.Context, printer: Printer, rights: Rights, role: str) -> None:
    """Print the SQL for a role; what to know about it is said on stderr too."""
    from bossctl.cli import bridge, talk
    from bossctl.format import clean

    if not printer.human:
        raise UsageError("--grants prints SQL, whatever --output says", "leave out --output")
    found = bridge.read(settings_of(ctx), lambda store: store.grants(rights, role))
    for caution in found.cautions():
        talk.say(f"note: {caution}")
    script = found.script()
    if printer.terminal and clean(script, newline=True) != script:  # made harmless it would name something else
        raise UsageError("a name in this SQL holds characters that a terminal would obey", "pipe it to a file or psql")
    printer.data(script)


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
