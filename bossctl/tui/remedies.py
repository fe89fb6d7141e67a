"""What a remedy's command means inside: where to go, a queue to ensure, jobs to act on; None where only a shell can."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from bossctl.errors import UsageError
from bossctl.models.jobactions import JobAction
from bossctl.models.options import OPTIONS, Kind
from bossctl.selector import Selector, parse
from bossctl.tui.places import JobPlace, JobsPlace, Place, QueuePlace, QueuesPlace, SchedulesPlace, WorkersPlace

_EVERYWHERE = ("--context", "--dsn", "--schema")
"""Options before the command that say where; the app is there already."""

_FIELDS = {"--by": "due", "--until": "due", "--to": "to", "--keep": "keep", "--spread": "spread", "--limit": "limit"}
"""Options of actions on jobs, and the fields they are in a dialog."""


@dataclass(frozen=True)
class Ensuring:
    """A queue to ensure, with options as they are typed."""

    queue: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Acting:
    """An action on the jobs of a selection; `given` are its fields as they are typed."""

    action: JobAction
    selector: Selector
    given: Mapping[str, str] = field(default_factory=dict)


def way(command: str) -> Place | Ensuring | Acting | None:
    """Where a command such as `bossctl job list queue:mail` leads."""
    try:
        words = shlex.split(command)
    except ValueError:
        return None
    match _without_where(words):
        case ["job", "list", selection] if not selection.startswith("-"):
            return JobsPlace(selection)
        case ["job", "show" | "explain", job] if not job.startswith("-"):
            return JobPlace(job)
        case ["job", action, *about] if action in set(JobAction) - {JobAction.UNDO}:
            return _acting(JobAction(action), about)
        case ["queue", "show", queue]:
            return QueuePlace(queue)
        case ["queue", "list"]:
            return QueuesPlace()
        case ["schedule", "list"]:
            return SchedulesPlace()
        case ["worker", "list"]:
            return WorkersPlace()
        case ["queue", "ensure", queue, *options]:
            return _ensuring(queue, options)
    return None


def _acting(action: JobAction, words: Sequence[str]) -> Acting | None:
    named = list(takewhile(lambda word: not word.startswith("-"), words))
    rest, given = list(words[len(named) :]), {}
    while rest:
        match rest:
            case ["--now", *rest]:
                given["due"] = "now"
            case [option, value, *rest] if option in _FIELDS:
                given[_FIELDS[option]] = value
            case _:
                return None
    try:
        return Acting(action, parse(" ".join(named)), given)
    except UsageError:
        return None


def _without_where(words: Sequence[str]) -> list[str]:
    """The words after `bossctl` and the options that say where."""
    rest = list(words[1:]) if words[:1] == ["bossctl"] else []
    while rest and rest[0] in _EVERYWHERE:
        del rest[:2]
    return rest


def _ensuring(queue: str, words: Sequence[str]) -> Ensuring | None:
    flags = {option.flag: option for option in OPTIONS.values()}
    options: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        positive = flags.get(word.replace("--no-", "--", 1))
        if word in flags and flags[word].kind != Kind.FLAG and rest:
            options[flags[word].name] = rest.pop(0)
        elif positive is not None and positive.kind == Kind.FLAG:
            options[positive.name] = "yes" if word in flags else "no"
        else:
            return None
    return Ensuring(queue, options)
