"""Forgetting what the log holds of old operations: nothing else is touched, archived jobs least of all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from bossctl.actions.jobs import filelog
from bossctl.errors import UsageError
from bossctl.store import Store
from bossctl.store.grants import need_own, own_note

LEAST_SECONDS = 3600
"""What is younger may be under way."""


@dataclass(frozen=True)
class Prunable:
    """Old operations of one pg-boss schema, in the schema bossctl and in this machine's files.

    `hidden` says that the schema bossctl may not be read, so that only files are forgotten.
    """

    before: datetime
    operations: tuple[str, ...]
    paths: tuple[Path, ...]
    hidden: str | None = None

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.operations) + len(self.paths)


async def prunable(store: Store, older_than_seconds: int) -> Prunable:
    """What is older than so many seconds.

    Raises UsageError for less than an hour, and MissingPrivilege where the log may not be read and no file is as old.
    """
    if older_than_seconds < LEAST_SECONDS:
        raise UsageError("--prune must be at least 1h: what is younger may be under way")
    database = await filelog.identity(store)
    async with store.snapshot() as transaction:
        before = transaction.now - timedelta(seconds=older_than_seconds)
        values = {"schema": store.catalog.schema, "before": before}
        found = await transaction.rows("prunable", values) if store.catalog.has("own:operation") else []
    paths = [path for path, entry in filelog.headers(database) if entry.at < before]
    if not paths:
        need_own(store.catalog)
    return Prunable(before, tuple(row["operation"] for row in found), tuple(paths), own_note(store.catalog))


async def prune(store: Store, old: Prunable) -> int:
    """Forget them, each in a transaction of its own; how many. Raises UsageError on a read-only connection."""
    for operation in old.operations:
        async with store.session.write() as transaction:
            await transaction.rows("pruned", {"operation": operation})
    await asyncio.to_thread(_remove, old.paths)
    return old.count


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
