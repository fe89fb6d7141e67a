"""What the screens share: the open database, what is known of it, how often to read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from time import monotonic
from typing import TYPE_CHECKING

from bossctl.tui.places import JobPlace
from bossctl.tui.polling import Poll
from bossctl.tui.ports import Diagnose, Opener, Operator, Reader

if TYPE_CHECKING:
    from bossctl.models.common import Target
    from bossctl.models.findings import Report
    from bossctl.models.jobactions import Operation
    from bossctl.models.operations import QueueSpec
    from bossctl.models.queues import QueueOverview
    from bossctl.models.schema import Info
    from bossctl.tui.memory import Memory


UNFOCUSED = 5.0
"""So many times slower are readings while the terminal does not have the focus."""
CHECKUP_SECONDS = 60.0
"""Seconds between runs of doctor; a dear run comes less often still."""
INFO_SECONDS = 60.0
"""So long what `info` told is good while pg-boss is not migrated and the server does not change its role."""
OPERATIONS_SECONDS = 2.0
"""Seconds for which it is known what can be taken back; it is read only while somebody types an undo."""


class Desk:
    """Made by the app, given to every screen. `refresh` is in seconds; `writing` names the deeds under way.

    `dear` is held by readings that may take long, so that there is never more than one. `operations` are the latest of
    the log, for the completion of an undo. `queue_file` is the name of a
    file of queues and what it asks for each.
    """

    def __init__(self, opener: Opener, refresh: float) -> None:
        self.refresh = refresh
        self.paused = False
        self.unfocused = False
        self.header: Poll[Info] | None = None
        self.info: Info | None = None
        self.names: Sequence[str] = ()
        self.dead_letters: frozenset[str] = frozenset()
        self.writing: list[str] = []
        self.last_queue: str | None = None
        self.last_job: JobPlace | None = None
        self.queue_file: tuple[str, Mapping[str, QueueSpec]] = ("", {})
        self.dear = asyncio.Lock()
        self.step = ""
        self.checkup: Poll[Report] = Poll(
            self._check_up,
            interval=CHECKUP_SECONDS,
            cost=lambda report: report.elapsed_seconds * 1000,
            cheap=False,
        )
        self.operations: Poll[tuple[Operation, ...]] = Poll(
            lambda: self.operator.operations(), interval=OPERATIONS_SECONDS
        )
        self._info_until = float("-inf")
        self._memory: Memory | None = None
        self._opener = opener
        self._parts: tuple[Reader, Operator, Diagnose] | None = None

    def interval(self) -> float:
        """Seconds between readings of what is looked at; for a Poll that follows when the user changes it."""
        return self.refresh

    @property
    def slower(self) -> float:
        """By how much pauses are longer than they should be, because nobody looks."""
        return UNFOCUSED if self.unfocused else 1.0

    @property
    def memory(self) -> Memory:
        """What is remembered of former starts; the file is read when somebody first asks."""
        if self._memory is None:
            from bossctl.tui.memory import open_memory

            self._memory = open_memory()
        return self._memory

    async def open(self) -> None:
        """Open the database. Raises BossctlError."""
        self._parts = await self._opener()

    async def close(self) -> None:
        """Close it, if it was opened."""
        if self._parts is not None:
            await self._parts[0].close()

    async def read_info(self) -> Info:
        """What the header is made of: all of it, or what it was where nothing says that it has changed."""
        known = self.info if monotonic() < self._info_until else None
        if known and await self.reader.landmarks() == (known.pgboss.schema_number, known.server.standby):
            return known
        info = await self.reader.info()
        self._info_until = monotonic() + INFO_SECONDS
        return info

    def forget_info(self) -> None:
        """Let the next look at it read all of it."""
        self._info_until = float("-inf")

    @property
    def refusal(self) -> str:
        """Why nothing can be changed here, and what to do instead; "" where it can."""
        if self.target is None or self.target.read_only:
            return "this connection is read-only: leave out --read-only or use another context"
        if self.info is not None and self.info.server.standby:
            return "the server is a standby: it accepts no writes; connect to the primary"
        return ""

    @property
    def is_open(self) -> bool:
        """Whether there is something to read from."""
        return self._parts is not None

    @property
    def target(self) -> Target | None:
        """Where we are connected."""
        return self._parts[0].target if self._parts is not None else None

    @property
    def reader(self) -> Reader:
        """Whom to ask. Raises LookupError before the database is open."""
        return self._open_parts()[0]

    @property
    def operator(self) -> Operator:
        """Who changes things. Raises LookupError before the database is open."""
        return self._open_parts()[1]

    @property
    def diagnose(self) -> Diagnose:
        """Who runs doctor. Raises LookupError before the database is open."""
        return self._open_parts()[2]

    async def _check_up(self) -> Report:
        """Run doctor; what it is made of is loaded beside the loop, since that takes a tenth of a second."""
        await asyncio.to_thread(import_module, "bossctl.doctor")
        return await self.diagnose(self._note_step)

    def _note_step(self, step: str) -> None:
        self.step = step

    def _open_parts(self) -> tuple[Reader, Operator, Diagnose]:
        if self._parts is None:
            raise LookupError("the database is not open yet")
        return self._parts

    def now(self) -> datetime:
        """The time by the server's clock, as last seen."""
        return datetime.now(UTC) + (self.ahead or timedelta())

    @property
    def ahead(self) -> timedelta | None:
        """How far the server's clock is ahead of ours; None before anything was read."""
        return self._parts[0].ahead if self._parts is not None else None

    def note(self, overview: QueueOverview) -> None:
        """Keep what a fresh reading of the queues tells about everything else."""
        self.names = tuple(queue.name for queue in overview.queues)
        self.dead_letters = frozenset(queue.dead_letter for queue in overview.queues if queue.dead_letter)
