"""What screens that show queues offer to change: ensure a queue, delete one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from bossctl.tui.commands import Command
from bossctl.tui.places import QueuesPlace, Visit
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.widgets.table import LineTable

if TYPE_CHECKING:
    from bossctl.models.operations import EnsureResult, QueueDeletion
    from bossctl.tui.screens.dialog import ChangeDialog

ENSURE = Command(
    "queue.ensure", "E", "Ensure", "create or change a queue", "Changes", ("name?", "policy?"), changes=True
)
DELETE = Command(
    "queue.delete", "D", "Delete", "a queue, with its jobs if you say so", "Changes", ("name?",), changes=True
)

R = TypeVar("R")


def open_change(screen: BossScreen, dialog: ChangeDialog[R], then: Callable[[R], None]) -> None:
    """Open a dialog over a screen, whose order is frozen meanwhile, unless nothing may be changed here.

    `then` is told of what was done, once every screen has been asked to read again.
    """
    if screen.desk.refusal:
        screen.notify(screen.desk.refusal, severity="warning", markup=False)
        return

    def closed(result: R | None) -> None:
        for table in screen.query(LineTable):
            table.hold_order = False
        if result is not None:
            read_again(screen)
            then(result)

    for table in screen.query(LineTable):
        table.hold_order = True
    screen.app.push_screen(dialog, closed)


def read_again(here: BossScreen) -> None:
    """Take new readings on every screen, on those behind this one as soon as they are in front."""
    for screen in here.app.screen_stack:
        if isinstance(screen, BossScreen) and screen.is_mounted:
            screen.read_now()


class QueueChanges(BossScreen):
    """A screen that can change the queue under its cursor. Its `COMMAND_LIST` has ENSURE and DELETE."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be changed before the database is open."""
        if action in ("queue_ensure", "queue_delete"):
            return True if self.desk.is_open else None
        return super().check_action(action, parameters)

    def action_queue_ensure(self, name: str = "", policy: str = "") -> None:
        """Open the form that creates or changes a queue: the one named, or under the cursor."""
        from bossctl.tui.screens.ensure import EnsureForm

        self._open(EnsureForm(self.desk, name or self.queue_here or "", policy), self._ensured)

    def action_queue_delete(self, name: str = "") -> None:
        """Ask whether to delete the queue named, or under the cursor."""
        from bossctl.tui.screens.delete import DeleteDialog

        name = name or self.queue_here or ""
        if name:
            self._open(DeleteDialog(self.desk, name), self._deleted)
        else:
            self.notify("choose a queue first", severity="warning", markup=False)

    def _open(self, dialog: ChangeDialog[R], then: Callable[[R], None]) -> None:
        open_change(self, dialog, then)

    def _ensured(self, result: EnsureResult) -> None:
        from bossctl.tui import plans

        self.notify(plans.ensured(result), markup=False)

    def _deleted(self, result: QueueDeletion) -> None:
        from bossctl.tui import plans

        self.notify(plans.deleted(result), markup=False)
        if self.desk.last_queue == result.queue:
            self.desk.last_queue = None
        self.post_message(Visit(QueuesPlace()))
