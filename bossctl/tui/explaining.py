"""The explanation of a job, as the Job screen tells it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from bossctl import format as fmt
from bossctl.models.explanation import Attempt, Explanation, Holds
from bossctl.tui.words import pairs

LABEL = 9
_SURE = tuple(Holds)
_STYLES = {Holds.CERTAIN: "bold", Holds.LIKELY: "", Holds.POSSIBLE: "italic", Holds.UNKNOWN: "dim italic"}


def explained(told: Explanation) -> RenderableType:
    """The verdict, every reason with how sure it is, what is known of the attempts, what is not known, what to type."""
    return pairs(_rows(told), width=LABEL)


def _rows(told: Explanation) -> Iterator[tuple[str, Text | str]]:
    within = [reason for reason in told.reasons if reason.text in told.verdict]
    sure = max((reason.holds for reason in within), key=_SURE.index, default=None)
    yield sure.value if sure else "", Text(fmt.clean(told.verdict), "bold")
    for reason in told.reasons:
        if reason not in within:
            yield reason.holds.value, Text(fmt.clean(reason.text), _STYLES[reason.holds])
    for attempt in told.attempts:
        yield _number(attempt), Text(fmt.clean(_happened(attempt)), _STYLES[attempt.holds])
    for unknown in told.unknown:
        yield "not known", Text(fmt.clean(unknown.text), "dim")
    if told.next:
        yield "next", Text(fmt.clean(shlex.join(("bossctl", *told.next))))


def _happened(one: Attempt) -> str:
    return one.text if one.text.startswith(one.outcome) else f"{one.outcome}: {one.text}"


def _number(one: Attempt) -> str:
    return f"attempt {one.attempt}" if one.attempt == one.through else f"{one.attempt} to {one.through}"
