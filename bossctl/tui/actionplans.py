"""Plans and outcomes of actions on jobs as they are shown; harmless text only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from textual.content import Content

from bossctl.format import clean
from bossctl.models import jobwords
from bossctl.models.jobactions import ActionOutcome, ActionPlan, JobAction
from bossctl.tui.chosen import Chosen

TITLES: Mapping[JobAction, str] = {
    JobAction.RETRY: "Retry",
    JobAction.CANCEL: "Cancel",
    JobAction.RESUME: "Resume",
    JobAction.DEFER: "Defer",
    JobAction.REDRIVE: "Redrive",
    JobAction.ARCHIVE: "Archive",
    JobAction.RESTORE: "Restore",
    JobAction.RESEND: "Resend",
    JobAction.DELETE: "Delete",
    JobAction.UNDO: "Undo",
}


def chosen(what: Chosen, action: str) -> Content:
    """What is to be done to which jobs."""
    return Content(f"{action} ") + Content(clean(what.said)).stylize("bold")


def plan(planned: ActionPlan, what: Content, *, count: int | None = None) -> Content:
    """Counts, effect, what to know before, what happens next, who is left alone and why; `count` were chosen."""
    skipped, examples = _skipped(planned.skipped, planned.samples)
    lines = [what, *_counts(planned, count), *_effect(planned), *skipped, *_holders(planned.holders)]
    return _lines([*lines, *_record(planned), *examples])


def outcome(done: ActionOutcome) -> Content:
    """What was done, and why not more."""
    changed = Content(f"{done.changed:,}").stylize("bold") + f" of {jobwords.number(done.plan.matched)} changed"
    lines = [Content(f"{done.plan.request.action}: ") + changed]
    if done.stopped is not None:
        lines.append(Content(clean(f"stopped: {done.stopped}")).stylize("$text-error"))
    if done.interrupted:
        lines.append(_warning("interrupted: what was changed stays so"))
    if done.interrupted or done.stopped is not None or "locked" in done.skipped:
        lines.append(Content("doing it again finishes it"))
    lines += map(_warning, done.warnings)
    skipped, examples = _skipped(done.skipped, done.samples)
    lines += [*skipped, *_holders(done.holders)]
    if done.operation:
        lines.append(_muted(f"operation {done.operation} in the log"))
    elif not done.changed:
        lines.append(Content("nothing was changed"))
    return _lines([*lines, *examples])


def _lines(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)


def _counts(planned: ActionPlan, count: int | None) -> Iterator[Content]:
    missing = 0 if count is None else count - planned.matched
    gone = f" ({missing:,} no longer there)" if missing > 0 else ""
    limit = planned.request.limit
    first = "" if limit is None else f", of which the first {limit:,}"
    where = f" in {clean(jobwords.queues(planned))}" if planned.queues else ""
    yield Content(f"{planned.matched:,} matched{gone} · {planned.eligible:,} eligible{first}{where}")


def _effect(planned: ActionPlan) -> Iterator[Content]:
    some = jobwords.free(planned) > 0
    if some:
        yield Content(clean(planned.effect)).stylize("bold $text-success")
    yield from map(_warning, planned.warnings)
    if planned.note:
        yield _warning(planned.note)
    if some:
        yield from (Content(clean(f"  {text}")) for text in planned.consequences)


def _skipped(
    counts: Mapping[str, int], samples: Mapping[str, tuple[str, ...]]
) -> tuple[Sequence[Content], Sequence[Content]]:
    """Why jobs are left alone, and which, for those who read on."""
    told = list(jobwords.skipped(counts, samples))
    reasons = [Content(clean(f"skipped {reason}: {words}")) for reason, words, _ in told]
    examples = [_muted(f"{reason}: {id}") for reason, _, ids in told for id in ids]
    return reasons, [Content(""), *examples] if examples else []


def _holders(holders: Mapping[str, str]) -> Iterator[Content]:
    for job, holder in holders.items():
        yield _muted(f"  slot of {job}: held by {holder}")


def _record(planned: ActionPlan) -> Iterator[Content]:
    if planned.log and jobwords.free(planned):
        yield _muted(f"undo: its record goes to {planned.log}")


def _muted(text: str) -> Content:
    return Content(clean(text)).stylize("$foreground 60%")


def _warning(text: str) -> Content:
    return Content(clean(f"! {text}")).stylize("$text-warning")
