"""What of a request is wrong whatever the database holds."""

from __future__ import annotations

from bossctl.errors import UsageError
from bossctl.models.jobactions import ActionRequest, JobAction

SPREADABLE = frozenset((JobAction.RETRY, JobAction.RESUME, JobAction.DEFER, JobAction.REDRIVE, JobAction.RESEND))


def checked(request: ActionRequest) -> None:
    """Raise UsageError for a number that makes no sense, or an option this action does not have."""
    action = request.action
    if request.limit is not None and request.limit < 1:
        raise UsageError("--limit must be at least 1")
    if request.spread_seconds is not None and (request.spread_seconds < 1 or action not in SPREADABLE):
        raise UsageError(
            f"--spread has no meaning for {action}" if action not in SPREADABLE else "--spread must be at least 1 s"
        )
    if request.by_seconds is not None and request.by_seconds < 1:
        raise UsageError("--by must be at least 1s", "--now makes jobs due now")
    times = [request.by_seconds is not None, request.until is not None, request.now]
    if action is JobAction.DEFER and sum(times) != 1:
        raise UsageError("defer needs exactly one of --by, --until and --now", "bossctl job defer SELECTOR --by 15m")
    if action is not JobAction.DEFER and any(times):
        raise UsageError(f"--by, --until and --now are for defer, not for {action}")
    if request.to_queue is not None and action is not JobAction.REDRIVE:
        raise UsageError(f"--to QUEUE is for redrive, not for {action}")
