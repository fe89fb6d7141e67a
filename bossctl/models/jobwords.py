"""What is said of actions on jobs wherever they are offered: counts, reasons, progress, outcomes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from bossctl.format import histogram_bar
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, JobAction, Progress

TYPED_ABOVE = 1_000
"""Above so many jobs the number itself is typed."""

SPREADABLE = frozenset((JobAction.RETRY, JobAction.RESUME, JobAction.DEFER, JobAction.REDRIVE, JobAction.RESEND))
"""Actions whose jobs become due, so that their due times can be spread."""

QUEUES_SHOWN = 3

REASONS: Mapping[str, str] = {
    "active": "a worker has it; cancel it first",
    "already-due": "due already",
    "already-ended": "ended before it could be cancelled",
    "blocks-flow": "other jobs of its flow wait for it",
    "changed-meanwhile": "it changed between plan and action",
    "changed-since": "it changed after the operation",
    "dead-letter-gone": "the dead letter is no longer there",
    "gone": "no longer there",
    "id-archived": "the archive has this id already",
    "id-taken": "a live job has this id",
    "id-twice": "the archive holds this id several times",
    "key-missing": "its queue demands a singleton key",
    "locked": "somebody else held its row all the time; run it again",
    "not-active": "it does not run",
    "not-cancelled": "only cancelled jobs can be resumed",
    "not-dead-letter": "its queue is nobody's dead letter",
    "not-failed": "only failed jobs can be retried",
    "not-finished": "it has not ended yet",
    "not-stuck": "it is within its expiry and heartbeat",
    "not-waiting": "it does not wait to be run",
    "past-retention": "maintenance would remove it at once; keep gives it more time",
    "pg-boss-own": "pg-boss works by it; name its queue to mean it",
    "queue-gone": "its queue is no longer there",
    "same-queue": "it is in that queue already",
    "slot-taken": "another job holds its slot",
    "source-gone": "the queue it came from is no longer there",
    "source-unknown": "the queue it came from is not recorded",
    "was-active": "it was active when it was put away",
}
"""Why a job is left alone, by the word that plans and outcomes count under."""


def number(count: int) -> str:
    """A number of jobs."""
    return f"{count:,} job{'' if count == 1 else 's'}"


def free(plan: ActionPlan) -> int:
    """How many jobs would be changed."""
    left = plan.eligible - plan.skipped.get("slot-taken", 0)
    return left if plan.request.limit is None else min(left, plan.request.limit)


def undoing(outcome: ActionOutcome) -> Literal["all", "some", "none"]:
    """How much of it undo can take back, as far as the plan tells: what was active stays ended."""
    lasting = outcome.plan.for_good
    if not outcome.operation or (lasting and lasting >= free(outcome.plan)):
        return "none"
    return "some" if lasting else "all"


def queues(plan: ActionPlan) -> str:
    """The queues whose jobs would be changed: `queue "mail"`, `queues "a", "b", "c" and 4 more`."""
    names = [f'"{name}"' for name in plan.queues]
    more = f" and {len(names) - QUEUES_SHOWN} more" if len(names) > QUEUES_SHOWN else ""
    return f"queue{'' if len(names) == 1 else 's'} {', '.join(names[:QUEUES_SHOWN])}{more}"


def skipped(
    counts: Mapping[str, int], samples: Mapping[str, tuple[str, ...]]
) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Each reason with its count and why in words, and the sampled ids."""
    for reason, count in counts.items():
        why = REASONS.get(reason, "")
        yield reason, f"{count:,}" + (f" – {why}" if why else ""), samples.get(reason, ())


def progress_line(request: ActionRequest, so_far: Progress, cells: int = 24) -> str:
    """One line on the way."""
    wanted = max(so_far.eligible, 1)
    seen = min(so_far.seen, wanted)
    bar = histogram_bar((seen, wanted - seen), cells, "█░")
    return f"{request.action} {bar} {so_far.changed:,} of {so_far.eligible:,} jobs"


def told(outcome: ActionOutcome) -> str:
    """What was done, in one sentence."""
    sentence = f"{outcome.plan.request.action}: {outcome.changed:,} of {number(outcome.plan.matched)}"
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in outcome.skipped.items())
    sentence += f"; skipped {reasons}" if reasons else ""
    if outcome.stopped is not None:
        return f"{sentence}; stopped: {outcome.stopped}"
    return f"{sentence}; interrupted, running it again finishes it" if outcome.interrupted else sentence
