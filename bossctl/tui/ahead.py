"""What screens and dialogs are made of is loaded before it is asked for, beside the loop."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module

MODULES = (
    *(f"bossctl.tui.screens.{name}" for name in ("queue", "jobs", "job", "findings", "schedules", "workers", "system")),
    *(f"bossctl.tui.screens.{name}" for name in ("log", "ensure", "delete", "jobsdialog", "action", "statements")),
    *(f"bossctl.tui.widgets.{name}" for name in ("command_line", "help", "palette")),
)
PAUSE = 0.02
"""Seconds between two modules, for whatever else is to be done."""


async def load_ahead() -> None:
    """Load them one by one; what is opened before its turn is loaded when it is."""
    for name in MODULES:
        if name not in sys.modules:
            await asyncio.to_thread(import_module, name)
            await asyncio.sleep(PAUSE)
