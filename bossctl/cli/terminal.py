"""What `bossctl tui` is told on the command line and in files, put together for the app."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from bossctl.config import (
    ConnectionSpec,
    Flags,
    context_names,
    keymap_file,
    resolve,
    state_directory,
    tui_settings,
)
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from bossctl.actions import Operator
    from bossctl.cli.settings import Settings
    from bossctl.models.findings import Report
    from bossctl.store import Store

Opener = Callable[[], Awaitable[tuple[Any, Any, Any]]]
"""Gives the app its reader, operator and diagnosis."""
REFRESH = 2.0


@dataclass(frozen=True)
class Link:
    """Where to open: at most one of them."""

    queue: str | None = None
    job: str | None = None
    jobs: str | None = None
    screen: str | None = None

    def check(self) -> None:
        """Raises UsageError for two at once, and for what can be told to be wrong without a database."""
        given = [name for name in ("queue", "job", "jobs", "screen") if getattr(self, name) is not None]
        if len(given) > 1:
            raise UsageError(f"--{given[0]} and --{given[1]} both say where to open", "give one of them")
        if self.queue == "":
            raise UsageError("--queue is empty", "bossctl queue list shows the names")
        if self.job is not None and not _is_uuid(self.job):
            raise UsageError("--job takes a whole UUID", "bossctl job list shows ids")
        if self.jobs:
            from bossctl.selector import parse

            parse(self.jobs)

    def start(self) -> Any:
        """The place, or the line that leads there. Raises UsageError for a screen there is not."""
        from bossctl.tui.entry import SCREENS, JobPlace, JobsPlace, QueuePlace

        if self.queue is not None:
            return QueuePlace(self.queue)
        if self.job is not None:
            return JobPlace(self.job.strip().lower())
        if self.jobs is not None:
            return JobsPlace(self.jobs)
        if self.screen is None:
            return None
        if self.screen not in SCREENS:
            raise UsageError(f"there is no screen {self.screen}", f"one of {', '.join(SCREENS)}")
        return f"go.{self.screen}"


@dataclass(frozen=True)
class FileContexts:
    """The contexts of the context file, for `:ctx`; what flags said of the first database does not cross over."""

    settings: Settings

    def names(self) -> Sequence[str]:
        """All there are."""
        return context_names(self.settings.environ)

    def opener(self, name: str) -> Opener:
        """Who opens one. Raises UsageError."""
        given = self.settings
        flags = Flags(context=name, read_only=given.read_only, statement_timeout=given.statement_timeout)
        return opener(resolve(flags, given.environ, given.cwd))


def opener(spec: ConnectionSpec) -> Opener:
    """Opens a database for the app."""

    async def opened() -> tuple[Store, Operator, Callable[..., Awaitable[Report]]]:
        await asyncio.to_thread(import_module, "bossctl.actions")
        from bossctl.actions import Operator
        from bossctl.store import Store

        store = await Store.open(spec, pooled=True)

        async def diagnose(progress: Callable[[str], None], /, *, queues: Sequence[str] = ()) -> Report:
            from bossctl import doctor

            return await doctor.run(store, doctor.DoctorRequest(queues=tuple(queues)), progress)

        return store, Operator(store), diagnose

    return opened


def open_tui(
    spec: ConnectionSpec,
    settings: Settings,
    *,
    refresh: float | None = None,
    theme: str | None = None,
    ascii_only: bool = False,
    link: Link | None = None,
) -> int:
    """Run the app; flags beat the context file. Raises UsageError before it starts."""
    from bossctl.tui.entry import THEMES, Setup, run_tui

    configured = tui_settings(settings.environ)
    start = link.start() if link is not None else None
    theme = theme or configured.theme
    if theme is not None and theme not in THEMES:
        raise UsageError(f"there is no theme {theme}", f"one of {', '.join(THEMES)}")
    setup = Setup(
        theme=theme,
        ascii_only=ascii_only or configured.ascii_only,
        color_off=settings.no_color,
        keymap=keymap_file(settings.environ),
        theme_file=state_directory() / "theme.json",
        contexts=FileContexts(settings),
    )
    with screen_to_ourselves():
        return run_tui(opener(spec), start=start, refresh=refresh or configured.refresh or REFRESH, setup=setup)


@contextmanager
def screen_to_ourselves() -> Iterator[None]:
    """While the block runs, only Python writes to the terminal by way of stderr.

    libpq has warnings for it at each connection (a .pgpass that others can read), which would be drawn over the screen.
    """
    own, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    before = {name: getattr(sys, name) for name in ("stderr", "__stderr__")}
    sys.stderr.flush()
    with os.fdopen(own, "w", encoding=sys.stderr.encoding, errors=sys.stderr.errors) as screen:
        os.dup2(nowhere, 2)
        try:
            for name in before:
                setattr(sys, name, screen)
            yield
        finally:
            for name, stream in before.items():
                setattr(sys, name, stream)
            screen.flush()
            os.dup2(own, 2)
            os.close(nowhere)


def _is_uuid(text: str) -> bool:
    from uuid import UUID

    try:
        UUID(text.strip())
    except ValueError:
        return False
    return True
