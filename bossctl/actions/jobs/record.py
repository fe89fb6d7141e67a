"""What the engine asks of the operator's log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from bossctl.actions.jobs.chosen import Chosen
    from bossctl.models.jobactions import ActionOutcome
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

    async def made(self, transaction: Transaction, queue: str, origins: Mapping[str, str]) -> None:
        """Keep which jobs this operation created in `queue`: new id → id of the job it was made from."""
        ...

    async def count(self, transaction: Transaction, changed: int) -> None:
        """So many jobs were changed by this transaction; the last thing in it before the commit."""
        ...

    async def finish(self, outcome: ActionOutcome) -> None:
        """The operation is over; also called where it ended early. Never raises for a lost connection."""
        ...
