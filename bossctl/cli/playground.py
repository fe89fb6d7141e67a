"""`bossctl tui` and `bossctl demo`: the two commands that hand the terminal over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.config import STATEMENT_TIMEOUT, ConnectionSpec, dumb_terminal
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from bossctl.cli.settings import Settings


def tui(
    ctx: typer.Context,
    queue: Annotated[str | None, typer.Option("--queue", metavar="NAME", help="Open on this queue.")] = None,
    job: Annotated[str | None, typer.Option("--job", metavar="ID", help="Open on this job.")] = None,
    jobs: Annotated[str | None, typer.Option("--jobs", metavar="SELECTOR", help="Open on these jobs.")] = None,
    screen: Annotated[
        str | None, typer.Option("--screen", metavar="NAME", help="Open on findings, workers or another screen.")
    ] = None,
    refresh: Annotated[
        float | None,
        typer.Option("--refresh", metavar="S", min=0.2, max=3600, help="Seconds between readings (2)."),
    ] = None,
    theme: Annotated[str | None, typer.Option("--theme", metavar="NAME", help="Colours.")] = None,
    ascii_only: Annotated[bool, typer.Option("--ascii", help="Draw with ASCII only.")] = False,
) -> int:
    """Open the terminal UI.

    \b
    Example:
      bossctl tui --context prod --read-only
    """
    from bossctl.cli.terminal import Link, open_tui

    settings = settings_of(ctx)
    link = Link(queue, job, jobs, screen)
    link.check()
    _need_terminal(settings)
    return open_tui(settings.spec(), settings, refresh=refresh, theme=theme, ascii_only=ascii_only, link=link)


def demo(
    ctx: typer.Context,
    once: Annotated[bool, typer.Option("--once", help="Build it, run doctor on it, print that, end.")] = False,
    no_tui: Annotated[bool, typer.Option("--no-tui", help="Print how to connect and wait for Ctrl-C.")] = False,
) -> int:
    """Start a playground and open the terminal UI on it.

    The playground is an own PostgreSQL with a real pg-boss at work; nothing of it is left running afterwards.

    \b
    Example:
      bossctl demo --once
    """
    settings = settings_of(ctx)
    if once and no_tui:
        raise UsageError("--once and --no-tui exclude each other")
    if not (once or no_tui):
        _need_terminal(settings)
    from bossctl.cli.terminal import open_tui
    from bossctl.demo import run_demo

    def doctor(dsn: str, schema: str) -> int:
        from dataclasses import replace

        from bossctl.cli.doctor import diagnose

        spec = ConnectionSpec(dsn, schema, "bossctl demo", "bossctl demo", None, settings.read_only, STATEMENT_TIMEOUT)
        return diagnose(replace(settings, fixed=spec))

    return run_demo(once=once, no_tui=no_tui, tui=lambda spec: open_tui(spec, settings), doctor=doctor)


def _need_terminal(settings: Settings) -> None:
    # Textual draws on stderr: with that in a file the terminal stays empty.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "the terminal UI needs a terminal on stdin, stdout and stderr", "bossctl queue list, or bossctl stats"
        )
    if dumb_terminal(settings.environ):
        raise UsageError("the terminal UI cannot draw on TERM=dumb", "TERM=xterm-256color bossctl tui")
