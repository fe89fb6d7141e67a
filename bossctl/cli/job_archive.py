"""`bossctl job archive` and `bossctl job restore`."""

from __future__ import annotations

from typing import Annotated

import typer

from bossctl.cli.acting import act
from bossctl.cli.job_actions import DryRun, Limit, ShowSql, Words, Yes
from bossctl.cli.output import Format, OutputOption
from bossctl.cli.settings import seconds


def archive(
    ctx: typer.Context,
    words: Words = None,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="FILE", help="Into a file, .jsonl or .jsonl.gz, and out of the database."),
    ] = None,
    limit: Limit = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Move finished jobs out of the way.

    Into pg-boss's own archive table (8 to 10), into bossctl's (11 and newer, made on first use after a yes), or with
    --to into a file. Jobs that other jobs of a flow wait for stay.

    \b
    Example:
      bossctl job archive queue:email state:completed older:1d
    """
    return act(
        ctx, "archive", words, output, yes=yes, dry_run=dry_run, show_sql=show_sql, limit=limit, path=_absolute(to)
    )


def restore(
    ctx: typer.Context,
    words: Words = None,
    source: Annotated[
        str | None, typer.Option("--from", metavar="FILE", help="From a file that archive --to has written.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="D", help="Keep for D what retention would remove at once.")
    ] = None,
    limit: Limit = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Put archived jobs back as they were.

    Not those whose id or slot is taken, nor those that retention would remove again at once: --keep gives these more
    time where the schema can.

    \b
    Example:
      bossctl job restore queue:email state:failed --keep 7d
    """
    if source is not None and not words:
        words = ["archived:any"]
    return act(
        ctx,
        "restore",
        words,
        output,
        yes=yes,
        dry_run=dry_run,
        show_sql=show_sql,
        limit=limit,
        path=_absolute(source),
        keep_seconds=None if keep is None else seconds(keep, "--keep"),
    )


def _absolute(path: str | None) -> str | None:
    """The log must be able to tell where it is, from wherever."""
    from pathlib import Path

    return None if path is None else str(Path(path).expanduser().absolute())
