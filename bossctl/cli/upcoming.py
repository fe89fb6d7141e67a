"""When schedules run next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bossctl.cron import Prediction, next_runs
from bossctl.models.schedules import Schedule

if TYPE_CHECKING:
    from bossctl.store import Store

RUNS = 3


@dataclass(frozen=True)
class Upcoming:
    """A schedule and when it runs next."""

    schedule: Schedule
    prediction: Prediction


async def read_upcoming(store: Store) -> Sequence[Upcoming]:
    """All schedules with their next three runs by the server's clock."""
    schedules = await store.schedules()
    async with store.snapshot() as transaction:
        server = await transaction.row("server")
    now: datetime = server["now"] if server else datetime.now(UTC)
    # cron-parser 5 came with pg-boss 12; of schema 26, which 11.1 and 12.0 share, the newer is assumed.
    older = store.catalog.has("archive") or not store.catalog.has("index:i6")
    return [Upcoming(one, _predict(one, now, 4 if older else 5)) for one in schedules]


def _predict(schedule: Schedule, now: datetime, cron_parser: int) -> Prediction:
    return next_runs(schedule.cron, schedule.timezone, schedule.kind, after=now, count=RUNS, cron_parser=cron_parser)
