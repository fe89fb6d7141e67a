"""What the engine asks of the operator's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bossctl.actions.jobs.chosen import Chosen
    from bossctl.actions.jobs.steps import Steps
    from bossctl.models.jobactions import ActionOutcome
    from bossctl.sql.text import Composable
    from bossctl.store.session import Transaction


class Record(Protocol):
    """One operation's entry, and the image of the rows it changes as they were before.

    A batch is one transaction: `batch` (and `made`), the change itself, then `count`, then the commit. Where it fails
    before that, all of it is rolled back and may begin again with other ids: what `batch` and `made` were told in the
    failed transaction must not be kept (a file is written and fsynced in `count`).
    """

    @property
    def operation(self) -> str:
        """Its name: sorts by time, safe to type, e.g. 20261121-214501-3f9c."""
        ...

    @property
    def where(self) -> str:
        """`schema` or `file`."""
        ...

    async def batch(self, transaction: Transaction, chosen: Chosen, columns: Sequence[str] | None) -> None:
        """Keep these columns (canonical names) of these locked rows; None means whole rows with their flow links.

        Raises TooLarge for more than should be held at once.
        """
        ...

    async def gone(self, transaction: Transaction, chosen: Chosen) -> list[str]:
        """Delete these locked rows and keep them whole with their flow links; the ids of those that were there.

        Raises TooLarge as `batch` does.
        """
        ...

    async def keeping(self, columns: Sequence[str]) -> tuple[Composable, Mapping[str, object]]:
        """What does as `batch` within one statement that locks and changes rows, before the change; and its values.

        Nothing for a file: it is told the lines.
        """
        ...

    async def taking(self) -> Steps | None:
        """As `gone`, for rows that one statement locks and deletes; None where that can't be."""
        ...

    def moving(self) -> tuple[Composable, Mapping[str, object]] | None:
        """What keeps within one statement that its jobs were moved, and its values; None where `batch` must be told."""
        ...

    async def made(self, transaction: Transaction, queue: str, origins: Mapping[str, str]) -> None:
        """Keep which jobs this operation created in `queue`: new id → id of the job it was made from."""
        ...

    async def count(self, transaction: Transaction, changed: int) -> None:
        """So many jobs were changed by this transaction; the last thing in it before the commit."""
        ...

    def counting(self) -> tuple[Composable, Mapping[str, object]] | None:
        """What counts within one statement that changes rows, and its values; None where `count` must be called."""
        ...

    async def finish(self, outcome: ActionOutcome) -> None:
        """The operation is over; also called where it ended early. Never raises for a lost connection."""
        ...
