"""`bossctl queue export`: the file that `queue ensure -f` reads, for what exists."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Printer

if TYPE_CHECKING:
    from bossctl.models.common import Target
    from bossctl.models.operations import QueueSpec
    from bossctl.store import Store


class FileFormat(StrEnum):
    """What a file of queues is written in."""

    TOML = "toml"
    JSON = "json"


def export_queues(
    ctx: typer.Context,
    output: Annotated[
        FileFormat, typer.Option("--output", "-o", metavar="FORMAT", help="toml or json.", show_default=True)
    ] = FileFormat.TOML,
) -> None:
    """Write all queues as a file that queue ensure -f reads.

    Left out are queues that pg-boss makes for itself, and options that are not set.

    \b
    Example:
      bossctl queue export > queues.toml
    """
    from bossctl.cli import bridge
    from bossctl.models.queuefile import dump_toml, to_document

    printer = Printer(settings_of(ctx), "json")
    target, specs = bridge.read(settings_of(ctx), _read)
    if output is FileFormat.JSON:
        printer.single(to_document(specs))
    else:
        printer.data(
            dump_toml(specs, f"queues of the pg-boss schema {target.schema}; bossctl queue ensure -f reads this")
        )


async def _read(store: Store) -> tuple[Target, list[QueueSpec]]:
    from bossctl.actions import Operator

    return store.target, await Operator(store).queue_specs()
