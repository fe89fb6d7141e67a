"""Plans and outcomes of changes as they are shown: what, where, before and after; harmless text only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from textual.content import Content

from bossctl.errors import BossctlError, StatementTimeout, Unreachable
from bossctl.format import clean
from bossctl.models.common import Target
from bossctl.models.operations import EnsureAction, EnsureResult, QueueDeletion
from bossctl.models.options import shown
from bossctl.models.queues import STATES
from bossctl.tui.widgets.states import state_glyph
from bossctl.tui.words import plural

_NAMES = 16
"""Cells for the names of options."""


def where(target: Target | None) -> Content:
    """The target and where it came from, in one line."""
    text = "" if target is None else f"{target} (from {target.source})"
    return Content(clean(text))


def ensure_plan(plan: EnsureResult) -> Content:
    """What would be done to a queue: the options before and after, what to know first."""
    verb = "create" if plan.action is EnsureAction.CREATED else "change"
    return _lines([_title(verb, plan.queue), *_changes(plan), *_notices(plan.notices)])


def delete_plan(plan: QueueDeletion) -> Content:
    """What a queue holds and what goes with it."""
    storage = (
        "the queue has a table of its own, which is dropped"
        if plan.storage == "partition"
        else "its jobs are in a shared table and are deleted there"
        if plan.jobs
        else "it shares a table with other queues"
    )
    told = [Content(jobs(plan)), *_states(plan), Content(storage)]
    others = {"schedule": plan.schedules, "subscription": plan.subscriptions}
    named = " and ".join(plural(number, noun) for noun, number in others.items() if number)
    if named:
        told.append(Content(f"with it {'goes' if sum(others.values()) == 1 else 'go'} {named}"))
    return _lines([_title("delete", plan.queue), *told, *_notices(plan.notices)])


def jobs(plan: QueueDeletion) -> str:
    """How many jobs it holds."""
    return f"{plan.jobs:,} {'job' if plan.jobs == 1 else 'jobs'}" if plan.jobs else "no jobs"


def statements(texts: Iterable[str]) -> Content:
    """SQL to read, or to paste."""
    lines = [f"{text};" for text in ("BEGIN", *texts, "COMMIT")]
    return Content("\n".join(map(clean, lines))).stylize("$text-muted")


def refusal(result: EnsureResult | QueueDeletion) -> str:
    """Why it is refused, and what to do instead."""
    return f"refused: {result.reason}" + (f" – {result.hint}" if result.hint else "")


def failure(error: BossctlError, *, writing: str = "") -> str:
    """What went wrong; `writing` names what was under way, of which a lost connection leaves the end unknown."""
    told = f"{error}" + (f" – {error.hint}" if error.hint and not writing else "")
    if not writing:
        return told
    if isinstance(error, Unreachable) and not isinstance(error, StatementTimeout):
        return f"{told}; whether {writing} is not known: look again before you go on"
    return told + (f" – {error.hint}" if error.hint else "")


def ensured(result: EnsureResult) -> str:
    """What was done, in one sentence."""
    changes = ", ".join(f"{name} {old}{new}" for name, old, new in _values(result)) if result.applied else ""
    sentence = f"{result.action.value} queue {result.queue}" + (f": {changes}" if changes else "")
    return clean(sentence + (f" ({result.reason})" if result.reason else ""))


def deleted(result: QueueDeletion) -> str:
    """What was deleted, in one sentence."""
    if result.applied:
        return clean(f"deleted queue {result.queue} with {jobs(result)}")
    gone = f"{result.gone:,} jobs of {result.queue} were deleted before it stopped: " if result.gone else ""
    return clean(f"{gone or 'not deleted: '}{result.reason}" + (f" – {result.hint}" if result.hint else ""))


def _lines(lines: Iterable[Content]) -> Content:
    return Content("\n").join(lines)


def _title(verb: str, queue: str) -> Content:
    return Content(f"{verb} queue ") + Content(clean(queue)).stylize("bold")


def _changes(plan: EnsureResult) -> Iterator[Content]:
    for name, old, new in _values(plan):
        yield Content(f"  {name.ljust(_NAMES)} {old}") + Content(new).stylize("bold $text-success")
    if plan.action is EnsureAction.CREATED:
        yield Content("  the other options as pg-boss sets them").stylize("$text-muted")


def _values(plan: EnsureResult) -> Iterator[tuple[str, str, str]]:
    """Each option that changes, with its value before and an arrow unless the queue is created, and its new value."""
    for name, (before, after) in plan.changes.items():
        old, new = (clean(shown(name, value, client_defaults=plan.client_defaults)) for value in (before, after))
        yield name, "" if plan.current is None else f"{old} → ", new


def _notices(notices: Iterable[str]) -> Iterator[Content]:
    return (Content(clean(f"! {notice}")).stylize("$text-warning") for notice in notices)


def _states(plan: QueueDeletion) -> Iterator[Content]:
    held = [f"{state_glyph(state)} {state} {plan.counts[state]:,}" for state in STATES if plan.counts.get(state)]
    if held:
        yield Content("   ".join(held))
