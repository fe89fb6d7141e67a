"""What screens that show jobs offer to do to them, and taking it back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bossctl.models.jobactions import ActionOutcome, JobAction
from bossctl.models.jobs import Job
from bossctl.tui.commands import Command
from bossctl.tui.desk import Desk
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.changes import open_change

if TYPE_CHECKING:
    from bossctl.tui.chosen import Chosen
    from bossctl.tui.screens.jobsdialog import JobsDialog

GROUP = "Changes"
LIMIT = ("limit?",)

JOB_COMMANDS = (
    Command("job.retry", "R", "Retry", "failed jobs once more, or stuck ones", GROUP, LIMIT, changes=True),
    Command("job.cancel", "C", "Cancel", "jobs that have not ended", GROUP, LIMIT, changes=True),
    Command("job.resume", "V", "Resume", "cancelled jobs", GROUP, LIMIT, changes=True),
    Command("job.defer", "L", "Defer", "waiting jobs: later, at a time, or now", GROUP, ("due...",), changes=True),
    Command("job.delete", "D", "Delete", "jobs, never active ones", GROUP, LIMIT, changes=True),
    Command("job.archive", "A", "Archive", "finished jobs out of the job table", GROUP, LIMIT, changes=True),
    Command("job.restore", "X", "Restore", "archived jobs", GROUP, LIMIT, changes=True),
    Command("job.resend", "S", "Resend", "finished jobs as new ones", GROUP, LIMIT, changes=True),
    Command("job.redrive", "B", "Redrive", "dead letters back to their queue", GROUP, ("queue?",), changes=True),
)

_WAITING = frozenset(("created", "retry"))
_FINISHED = frozenset(("completed", "cancelled", "failed", "expired"))
_FITTING: Mapping[JobAction, frozenset[str]] = {
    JobAction.RETRY: frozenset(("failed", "expired")),
    JobAction.CANCEL: _WAITING | {"active"},
    JobAction.RESUME: frozenset(("cancelled",)),
    JobAction.DEFER: _WAITING,
    JobAction.DELETE: _WAITING | _FINISHED,
    JobAction.ARCHIVE: _FINISHED,
    JobAction.RESEND: _FINISHED,
    JobAction.REDRIVE: _WAITING,
}
"""The states of live jobs that an action changes."""


def with_footer(names: Iterable[str]) -> tuple[Command, ...]:
    """The commands, these of them in the footer."""
    shown = {f"job.{name}" for name in names}
    return tuple(replace(command, footer=True) if command.id in shown else command for command in JOB_COMMANDS)


def fits(action: JobAction, job: Job, *, stuck: bool, desk: Desk) -> bool:
    """Whether a job's state allows an action."""
    row = job.row
    if row.archived or action is JobAction.RESTORE:
        return row.archived and action is JobAction.RESTORE
    if action is JobAction.RETRY and stuck:
        return True
    if action is JobAction.REDRIVE and job.fields.get("source_name") is None and row.queue not in desk.dead_letters:
        return False
    return row.state in _FITTING[action]


class JobActions(BossScreen):
    """A screen with jobs. Its `COMMAND_LIST` has JOB_COMMANDS, and `chosen` says which jobs are meant."""

    def chosen(self, action: JobAction) -> Chosen | str:
        """The jobs an action is about at this moment, or why there are none."""
        raise NotImplementedError

    def acted(self, outcome: ActionOutcome) -> None:
        """Something was done."""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be changed before the database is open."""
        if action.startswith("job_") and f"job.{action.removeprefix('job_')}" in _IDS:
            return True if self.desk.is_open else None
        return super().check_action(action, parameters)

    def action_job_retry(self, limit: str = "") -> None:
        """Retry failed jobs."""
        self._act(JobAction.RETRY, limit=limit)

    def action_job_cancel(self, limit: str = "") -> None:
        """Cancel jobs that have not ended."""
        self._act(JobAction.CANCEL, limit=limit)

    def action_job_resume(self, limit: str = "") -> None:
        """Resume cancelled jobs."""
        self._act(JobAction.RESUME, limit=limit)

    def action_job_defer(self, due: str = "") -> None:
        """Move the due time of waiting jobs."""
        self._act(JobAction.DEFER, due=due)

    def action_job_delete(self, limit: str = "") -> None:
        """Delete jobs."""
        self._act(JobAction.DELETE, limit=limit)

    def action_job_archive(self, limit: str = "") -> None:
        """Archive finished jobs."""
        self._act(JobAction.ARCHIVE, limit=limit)

    def action_job_restore(self, limit: str = "") -> None:
        """Restore archived jobs."""
        self._act(JobAction.RESTORE, limit=limit)

    def action_job_resend(self, limit: str = "") -> None:
        """Send finished jobs again."""
        self._act(JobAction.RESEND, limit=limit)

    def action_job_redrive(self, queue: str = "") -> None:
        """Put dead letters back."""
        self._act(JobAction.REDRIVE, to=queue)

    def _act(self, action: JobAction, **given: str) -> None:
        chosen = self.chosen(action)
        if isinstance(chosen, str):
            self.notify(chosen, severity="warning", markup=False)
            return
        open_action(self, action, chosen, {name: text for name, text in given.items() if text})


_IDS = frozenset(command.id for command in JOB_COMMANDS)


def open_action(here: BossScreen, action: JobAction, chosen: Chosen, given: Mapping[str, str]) -> None:
    """Plan an action on these jobs, and ask."""
    from bossctl.tui.screens.action import ActionDialog

    _open(here, ActionDialog(here.desk, action, chosen, given))


def open_undo(here: BossScreen, operation: str) -> None:
    """Ask whether to take back an operation, the last one where none is named."""
    from bossctl.tui.screens.action import UndoDialog

    _open(here, UndoDialog(here.desk, operation))


def _open(here: BossScreen, dialog: JobsDialog) -> None:
    def done(outcome: ActionOutcome) -> None:
        from bossctl.models import jobwords
        from bossctl.tui.screens.jobsdialog import can_be_undone

        if isinstance(here, JobActions):
            here.acted(outcome)
        if not dialog.shown:
            undo = " · U takes it back" if can_be_undone(outcome) else ""
            here.notify(jobwords.told(outcome) + undo, markup=False)

    open_change(here, dialog, done)
