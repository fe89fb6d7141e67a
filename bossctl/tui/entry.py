"""What the command line needs of the terminal UI, and all it imports of it."""

from __future__ import annotations

from bossctl.tui.app import run_tui
from bossctl.tui.look import THEMES
from bossctl.tui.navigation import GO_COMMANDS
from bossctl.tui.places import JobPlace, JobsPlace, QueuePlace
from bossctl.tui.setup import Setup

SCREENS: tuple[str, ...] = tuple(one.name for one in GO_COMMANDS if not one.args or one.name == "jobs")
"""The screens that need no name of something to show; `go.NAME` leads there."""

__all__ = ["SCREENS", "THEMES", "JobPlace", "JobsPlace", "QueuePlace", "Setup", "run_tui"]
