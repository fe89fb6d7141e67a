"""What an action on jobs would do, does and did."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bossctl.cli import shapes, talk
from bossctl.cli.output import Printer
from bossctl.cli.views.ensuring import statements
from bossctl.models import jobwords
from bossctl.models.common import Target
from bossctl.models.jobactions import ActionOutcome, ActionPlan

AGAIN = "running it again finishes it"


def planned(printer: Printer, target: Target, plan: ActionPlan, *, show_sql: bool) -> None:
    """A plan that is not carried out."""
    if not printer.human:
        printer.single(shapes.action_plan(plan, target, statements=show_sql))
    else:
        printer.facts([*_matched(plan), *_skipped(plan.skipped, plan.samples), *_holders(plan.holders)])
        for line in (*plan.consequences, *(f"warning: {text}" for text in plan.warnings)):
            printer.lines_of_text([line])
        if show_sql:
            statements(printer, plan.statements)
    _note(plan)
    _more_time(plan, plan.skipped)
    talk.say(f"note: nothing was changed in {target} (from {target.source})")


def _more_time(plan: ActionPlan, skipped: Mapping[str, int]) -> None:
    """What to type where maintenance would take away again what comes back."""
    if "past-retention" in skipped and plan.request.keep_seconds is None:
        talk.say("hint: bossctl job restore … --keep 7d gives them more time, where the schema can")


def announced(plan: ActionPlan, *, show_sql: bool) -> None:
    """A plan before the question, on stderr."""
    for name, value in (*_matched(plan), *_skipped(plan.skipped, plan.samples), *_holders(plan.holders)):
        talk.say(f"{name}: {value}")
    for line in plan.consequences:
        talk.say(line)
    for text in plan.statements if show_sql else ():
        talk.say(f"{text};")
    warned(plan)


def warned(plan: ActionPlan) -> None:
    """What one should know, also without a question."""
    for text in plan.warnings:
        talk.say(f"warning: {text}")
    _note(plan)


def question(plan: ActionPlan, target: Target) -> str:
    """What is asked, with the true count and the target."""
    return f"{plan.request.action}: {plan.effect}\nin {jobwords.queues(plan)} of {target} (from {target.source})"


def done(printer: Printer, target: Target, outcome: ActionOutcome, *, show_sql: bool) -> None:
    """What was done; said also where it cannot be printed."""
    try:
        _printed(printer, target, outcome, show_sql=show_sql)
    finally:
        _said(target, outcome)


def _printed(printer: Printer, target: Target, outcome: ActionOutcome, *, show_sql: bool) -> None:
    if not printer.human:
        printer.single(shapes.action_outcome(outcome, target, statements=show_sql))
    else:
        changed = f"{outcome.changed:,} of {outcome.plan.matched:,} jobs"
        facts: list[tuple[str, Any]] = [(f"{outcome.plan.request.action}", changed)]
        facts += _skipped(outcome.skipped, outcome.samples)
        facts += _holders(outcome.holders)
        printer.facts(facts)
        if show_sql:
            statements(printer, outcome.plan.statements)


def _said(target: Target, outcome: ActionOutcome) -> None:
    for text in outcome.warnings:
        talk.say(f"warning: {text}")
    if outcome.stopped is not None:
        talk.say(f"error: {outcome.stopped}")
    if outcome.interrupted:
        talk.say(f"note: interrupted; what was changed stays so, {AGAIN}")
    elif outcome.stopped is not None or "locked" in outcome.skipped:
        talk.say(f"hint: {AGAIN}")
    _more_time(outcome.plan, outcome.skipped)
    if outcome.operation:
        talk.say(f"note: operation {outcome.operation}; {_undoing(outcome)}")
    elif not outcome.changed:
        talk.say(f"note: nothing was changed in {target} (from {target.source})")


def _undoing(outcome: ActionOutcome) -> str:
    possible = jobwords.undoing(outcome)
    if possible == "none":
        return "undo does not make jobs active again"
    but = ", but makes no job active again" if possible == "some" else ""
    return f"bossctl undo {outcome.operation} takes it back{but}"


def _matched(plan: ActionPlan) -> list[tuple[str, Any]]:
    limit = plan.request.limit
    facts = [
        ("selection", plan.request.text),
        ("matched", f"{plan.matched:,}"),
        (
            "eligible",
            f"{plan.eligible:,}" + (f", of which the first {limit:,}" if limit and limit < plan.eligible else ""),
        ),
        (str(plan.request.action), plan.effect),
    ]
    return facts if plan.eligible else facts[:-1]


def _skipped(skipped: Mapping[str, int], samples: Mapping[str, tuple[str, ...]]) -> Iterable[tuple[str, Any]]:
    for reason, count in skipped.items():
        shown = samples.get(reason, ())
        more = "" if len(shown) >= count else ", …"
        yield f"skipped {reason}", f"{count:,}" + (f" ({', '.join(shown)}{more})" if shown else "")


def _holders(holders: Mapping[str, str]) -> Iterable[tuple[str, Any]]:
    for job, holder in holders.items():
        yield f"slot of {job}", f"held by {holder}"


def _note(plan: ActionPlan) -> None:
    if plan.note:
        talk.say(f"note: {plan.note}")
