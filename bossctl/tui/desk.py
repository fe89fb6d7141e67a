"""What the screens share: the open database, what is known of it, how often to read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bossctl.tui.overviews import Trends
from bossctl.tui.places import JobPlace
from bossctl.tui.ports import Diagnose, Opener, Operator, Reader

if TYPE_CHECKING:
    from bossctl.models.common import Target
    from bossctl.models.queues import QueueOverview
    from bossctl.models.schema import Info


class Desk:
    """Made by the app, given to every screen. `refresh` is in seconds."""

    def __init__(self, opener: Opener, refresh: float) -> None:
        self.refresh = refresh
        self.paused = False
        self.info: Info | None = None
        self.trends = Trends()
        self.names: Sequence[str] = ()
        self.last_queue: str | None = None
        self.last_job: JobPlace | None = None
        self._opener = opener
        self._parts: tuple[Reader, Operator, Diagnose] | None = None
        self._ahead = timedelta()

    async def open(self) -> None:
        """Open the database. Raises BossctlError."""
        self._parts = await self._opener()

    async def close(self) -> None:
        """Close it, if it was opened."""
        if self._parts is not None:
            await self._parts[0].close()

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

    def _open_parts(self) -> tuple[Reader, Operator, Diagnose]:
        if self._parts is None:
            raise LookupError("the database is not open yet")
        return self._parts

    def now(self) -> datetime:
        """The time by the server's clock, as last seen."""
        return datetime.now(UTC) + self._ahead

    def note(self, overview: QueueOverview) -> None:
        """Keep what a fresh reading of the queues tells about everything else."""
        self._ahead = overview.taken_at - datetime.now(UTC)
        self.names = tuple(queue.name for queue in overview.queues)
        self.trends.keep(self.names)
