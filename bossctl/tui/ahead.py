"""What screens are made of is loaded before it is asked for, beside the loop."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

MODULES = tuple(
    f"bossctl.tui.screens.{name}"
    for name in ("queue", "jobs", "job", "findings", "schedules", "workers", "system", "log")
)
"""Dialogs are not among them: what one of them needs takes few milliseconds and half a megabyte."""
PAUSE = 0.02
"""Seconds between two modules, for whatever else is to be done."""


async def load_ahead() -> None:
    """Load them one by one; what is opened before its turn is loaded when it is."""
    for name in MODULES:
        if name not in sys.modules:
            await asyncio.to_thread(import_module, name)
            await asyncio.sleep(PAUSE)
