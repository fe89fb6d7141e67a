"""`bossctl tui` and `bossctl demo`: the two commands that hand the terminal over."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bossctl.cli.options import settings_of
from bossctl.config import STATEMENT_TIMEOUT, ConnectionSpec, dumb_terminal
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from bossctl.actions import Operator
    from bossctl.cli.settings import Settings
    from bossctl.models.findings import Report
    from bossctl.store import Store


def tui(
    ctx: typer.Context,
    refresh: Annotated[
        float,
        typer.Option("--refresh", metavar="S", min=0.2, max=3600, help="Seconds between readings.", show_default=True),
    ] = 2.0,
) -> int:
    """Open the terminal UI.

    \b
    Example:
      bossctl tui --context prod --read-only
    """
    settings = settings_of(ctx)
    _need_terminal(settings)
    return _open_tui(settings.spec(), refresh)


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
    from bossctl.demo import run_demo

    def doctor(dsn: str, schema: str) -> int:
        from dataclasses import replace

        from bossctl.cli.doctor import diagnose

        spec = ConnectionSpec(dsn, schema, "bossctl demo", "bossctl demo", None, settings.read_only, STATEMENT_TIMEOUT)
        return diagnose(replace(settings, fixed=spec))

    return run_demo(once=once, no_tui=no_tui, tui=lambda spec: _open_tui(spec, 2.0), doctor=doctor)


def _open_tui(spec: ConnectionSpec, refresh: float) -> int:
    from bossctl.tui.app import run_tui

    async def opener() -> tuple[Store, Operator, Callable[..., Awaitable[Report]]]:
        from bossctl.actions import Operator
        from bossctl.store import Store

        store = await Store.open(spec, pooled=True)

        async def diagnose(progress: Callable[[str], None], /, *, queues: Sequence[str] = ()) -> Report:
            from bossctl import doctor

            return await doctor.run(store, doctor.DoctorRequest(queues=tuple(queues)), progress)

        return store, Operator(store), diagnose

    return run_tui(opener, start=None, refresh=refresh)


def _need_terminal(settings: Settings) -> None:
    # Textual draws on stderr: with that in a file the terminal stays empty.
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise UsageError(
            "the terminal UI needs a terminal on stdin, stdout and stderr", "bossctl queue list, or bossctl stats"
        )
    if dumb_terminal(settings.environ):
        raise UsageError("the terminal UI cannot draw on TERM=dumb", "TERM=xterm-256color bossctl tui")
