"""What became of a commit whose answer was lost."""

from __future__ import annotations

import asyncio
from time import monotonic

from bossctl.errors import BossctlError
from bossctl.store import Store

PATIENCE_SECONDS = 15.0
PAUSE_SECONDS = 0.5


async def commit_fate(store: Store, xid: str | None) -> str:
    """`committed` or `aborted` as the server says once it is back, `unknown` where it does not come or forgot."""
    began = monotonic()
    while xid is not None and monotonic() - began < PATIENCE_SECONDS:
        try:
            async with store.snapshot() as transaction:
                row = await transaction.row("commit_fate", {"xid": xid})
        except BossctlError:
            row = {"status": "in progress"}
        status = row["status"] if row else None
        if status != "in progress":
            return status or "unknown"
        await asyncio.sleep(PAUSE_SECONDS)
    return "unknown"
