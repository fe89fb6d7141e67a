"""`bossctl job retry`, `cancel`, `resume`, `defer`, `redrive`, `resend` and `delete`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.acting import act
from bossctl.cli.output import Format, OutputOption
from bossctl.cli.settings import seconds
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from datetime import datetime

Words = Annotated[
    list[str] | None,
    typer.Argument(metavar="SELECTOR", help="Which jobs: ids, queue:email, state:failed.", show_default=False),
]
Limit = Annotated[int | None, typer.Option("--limit", "-n", metavar="N", help="Only the first N, the oldest first.")]
Spread = Annotated[str | None, typer.Option("--spread", metavar="D", help="Spread the due times evenly over D.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; print what would be done.")]
ShowSql = Annotated[bool, typer.Option("--show-sql", help="Also print the statements of a batch.")]


def retry(
    ctx: typer.Context,
    words: Words = None,
    limit: Limit = None,
    spread: Spread = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Retry failed jobs; with is:stuck, active ones nobody will end.

    As pg-boss's own retry: one more attempt, due now, and maintenance cannot remove the job before it runs. With
    is:stuck, jobs past their expiry or heartbeat go from active to retry in one step; their handlers may still run.

    \b
    Example:
      bossctl job retry queue:email state:failed error:timeout --limit 10
    """
    return act(
        ctx,
        "retry",
        words,
        output,
        yes=yes,
        dry_run=dry_run,
        show_sql=show_sql,
        limit=limit,
        spread_seconds=_spread(spread),
    )


def cancel(
    ctx: typer.Context,
    words: Words = None,
    limit: Limit = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Cancel jobs that have not ended yet.

    The handler of a job that is active goes on; what it reports at the end is ignored.

    \b
    Example:
      bossctl job cancel queue:email state:created older:2d
    """
    return act(ctx, "cancel", words, output, yes=yes, dry_run=dry_run, show_sql=show_sql, limit=limit)


def resume(
    ctx: typer.Context,
    words: Words = None,
    limit: Limit = None,
    spread: Spread = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Resume cancelled jobs.

    \b
    Example:
      bossctl job resume queue:email state:cancelled
    """
    return act(
        ctx,
        "resume",
        words,
        output,
        yes=yes,
        dry_run=dry_run,
        show_sql=show_sql,
        limit=limit,
        spread_seconds=_spread(spread),
    )


def defer(
    ctx: typer.Context,
    words: Words = None,
    by: Annotated[str | None, typer.Option("--by", metavar="D", help="Due D later than now, or than it was.")] = None,
    until: Annotated[str | None, typer.Option("--until", metavar="T", help="Due at T: a date and time, UTC.")] = None,
    now: Annotated[bool, typer.Option("--now", help="Due now.")] = False,
    limit: Limit = None,
    spread: Spread = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Move the due time of waiting jobs.

    One of --by, --until and --now. Retention moves along, so that no job is removed before it is due.

    \b
    Example:
      bossctl job defer queue:email state:created --by 2h
    """
    return act(
        ctx,
        "defer",
        words,
        output,
        yes=yes,
        dry_run=dry_run,
        show_sql=show_sql,
        limit=limit,
        spread_seconds=_spread(spread),
        by_seconds=None if by is None else seconds(by, "--by"),
        until=None if until is None else _moment(until),
        now=now,
    )


def redrive(
    ctx: typer.Context,
    words: Words = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="QUEUE", help="Into this queue instead of the one each came from.")
    ] = None,
    limit: Limit = None,
    spread: Spread = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Put dead letters back to the queue they came from.

    As pg-boss's own redrive: a new job with the queue's current rules, and the dead letter is removed. pg-boss records
    the queue since 12.23; before, name it with --to.

    \b
    Example:
      bossctl job redrive queue:email-dead newer:1d --to email
    """
    return act(
        ctx,
        "redrive",
        words,
        output,
        yes=yes,
        dry_run=dry_run,
        show_sql=show_sql,
        limit=limit,
        spread_seconds=_spread(spread),
        to_queue=to,
    )


def resend(
    ctx: typer.Context,
    words: Words = None,
    limit: Limit = None,
    spread: Spread = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Send finished jobs again as new jobs.

    Data, priority, key and group are the old job's, the rest is what its queue gives a new job now. The old job stays.

    \b
    Example:
      bossctl job resend queue:email state:completed newer:1h
    """
    return act(
        ctx,
        "resend",
        words,
        output,
        yes=yes,
        dry_run=dry_run,
        show_sql=show_sql,
        limit=limit,
        spread_seconds=_spread(spread),
    )


def delete(
    ctx: typer.Context,
    words: Words = None,
    limit: Limit = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    show_sql: ShowSql = False,
    output: OutputOption = Format.TABLE,
) -> int:
    """Delete jobs, never active ones; undo puts them back.

    Jobs that other jobs of a flow still wait for are left alone.

    \b
    Example:
      bossctl job delete queue:email-old state:completed,failed older:30d
    """
    return act(ctx, "delete", words, output, yes=yes, dry_run=dry_run, show_sql=show_sql, limit=limit)


def _spread(text: str | None) -> int | None:
    return None if text is None else seconds(text, "--spread")


def _moment(text: str) -> datetime:
    """A date and time; UTC unless it carries a zone."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise UsageError(f'--until: "{text}" is not a date and time', "write it as 2026-01-31T08:00") from None
