"""How far a doctor's run looks, and the patience that its readings share."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from psycopg import sql

from bossctl.errors import StatementTimeout, Unsupported
from bossctl.store.connections import Row
from bossctl.store.session import Transaction

SAMPLES = 20

PASS_SECONDS = {"8-9": 120.0, "10": 120.0, "11-12": 60.0}
"""How often maintenance expires jobs by default."""


@dataclass(frozen=True)
class Scope:
    """How far a run looks. `names` None means every queue, `window_seconds` is how close equal jobs must be.

    `identical_seconds` is how far back equal jobs are looked for, within the window of the run. `passes` keeps what
    several readings look at, or why it could not be read.
    """

    now: datetime
    since_seconds: int
    names: tuple[str, ...] | None
    window_seconds: int = 60
    identical_seconds: int = 86_400
    passes: dict[str, list[Row] | Unsupported | StatementTimeout] = field(
        default_factory=dict, compare=False, repr=False
    )

    @property
    def since(self) -> sql.Literal:
        """The beginning of the window, as the statements take it."""
        return sql.Literal(self.now - timedelta(seconds=self.since_seconds))

    @property
    def identical_since(self) -> sql.Literal:
        """Where the search for equal jobs begins."""
        return sql.Literal(self.now - timedelta(seconds=min(self.since_seconds, self.identical_seconds)))

    @property
    def bound_names(self) -> list[str] | None:
        """The names as the driver binds them."""
        return None if self.names is None else list(self.names)


async def pass_interval(transaction: Transaction) -> float | None:
    """How often live supervisors pass, where instances register it."""
    registry = transaction.queries.catalog.tables.get("instance")
    if registry is None or not registry.readable:
        return None
    row = await transaction.row("pass_interval")
    return row["seconds"] if row else None


async def pass_grace(transaction: Transaction) -> float:
    """Two maintenance intervals: how long after its time a job may stay as it is."""
    interval = await pass_interval(transaction)
    return 2 * (interval or PASS_SECONDS[transaction.queries.catalog.generation])
