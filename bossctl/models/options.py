"""The vocabulary of queue options: how each is written on the command line, in a file and in a form, and its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from bossctl.errors import UsageError
from bossctl.format import clean, exact_duration, parse_duration, truncate
from bossctl.models.queues import OptionValue

NONE = "none"
"""The word that clears a nullable option."""

LARGEST = 2**31 - 1
"""What an option's column can hold."""

_NAME = re.compile(r"[\w./-]+", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,18}")


class Kind(StrEnum):
    """What an option's value is."""

    POLICY = "policy"
    COUNT = "count"
    DURATION = "duration"
    FLAG = "flag"
    QUEUE = "queue"


@dataclass(frozen=True)
class Option:
    """One option: its name in files, what it means, the release that brought it, and the smallest and largest value.

    `clearable` options may be NULL in every release; 10.x lets each but the policy be, which there means the client's
    default.
    """

    name: str
    kind: Kind
    what: str
    release: str = "10.0.0"
    least: int = 0
    most: int = LARGEST
    clearable: bool = False
    fixed: bool = False

    @property
    def flag(self) -> str:
        """How it is typed: `--retry-limit`."""
        return f"--{self.name.replace('_', '-')}"


_DAY = 86_400

OPTIONS: Mapping[str, Option] = {
    option.name: option
    for option in (
        Option("policy", Kind.POLICY, "which jobs may wait or run at the same time", fixed=True),
        Option("retry_limit", Kind.COUNT, "how often a failed job is tried again"),
        Option("retry_delay", Kind.DURATION, "the pause before it is tried again"),
        Option("retry_backoff", Kind.FLAG, "whether that pause doubles each time"),
        Option("retry_delay_max", Kind.DURATION, "the longest such pause", "11.0.0", clearable=True),
        Option("expire_in", Kind.DURATION, "how long a job may run, 24h at most", least=1, most=_DAY),
        Option("retention", Kind.DURATION, "how long a job may wait to run before it is removed", least=1),
        Option("delete_after", Kind.DURATION, "how long a finished job is kept", "11.0.0"),
        Option("dead_letter", Kind.QUEUE, "the queue that gets a copy of a job that failed for good", clearable=True),
        Option("warning_queued", Kind.COUNT, "warn when more jobs wait than this, 0 never", "11.0.0"),
        Option(
            "heartbeat", Kind.DURATION, "how long a worker may be silent, 10s at least", "12.12.0", 10, clearable=True
        ),
        Option("notify", Kind.FLAG, "whether a new job wakes its worker at once", "12.21.0"),
        Option("partition", Kind.FLAG, "whether the queue has a table of its own", "11.0.0", fixed=True),
    )
}

POLICIES: Mapping[str, str] = {
    "standard": "10.0.0",
    "short": "10.0.0",
    "singleton": "10.0.0",
    "stately": "10.0.0",
    "exclusive": "11.1.0",
    "key_strict_fifo": "12.10.0",
}
"""The release that brought each policy."""


def is_new_name(name: str) -> bool:
    """Whether every release of pg-boss would take `name` for a new queue: its newest rule is the strictest."""
    return _NAME.fullmatch(name) is not None


def is_internal(name: str) -> bool:
    """Whether pg-boss made the queue for itself."""
    return name.startswith("__pgboss__")


def from_text(name: str, text: str) -> OptionValue:
    """The value of an option typed on the command line or into a form; `none` is None.

    Raises UsageError that says what the value is not; whether a schema takes it is checked later.
    """
    option = OPTIONS[name]
    if text == NONE:
        return None
    match option.kind:
        case Kind.DURATION:
            return parse_duration(text)
        case Kind.COUNT:
            if not _WHOLE.fullmatch(text):
                raise UsageError(f'"{_shown(text)}" is not a whole number', "give a number such as 5, or none")
            return int(text)
        case Kind.FLAG:
            if text not in _FLAGS:
                raise UsageError(f'"{_shown(text)}" is neither yes nor no')
            return _FLAGS[text]
    return text


_FLAGS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def from_file(name: str, value: object) -> OptionValue:
    """The value of an option as TOML or JSON gives it. Raises UsageError that says what it should be.

    Durations are whole seconds or text; `none` and JSON's null are None; a queue that is itself called none is
    written `{queue = "none"}`.
    """
    option = OPTIONS[name]
    if value is None or value == NONE:
        return None
    if option.kind is Kind.QUEUE and isinstance(value, dict) and list(value) == ["queue"]:
        value = value["queue"]
    if isinstance(value, str) and option.kind is Kind.DURATION:
        return from_text(name, value)
    if isinstance(value, (bool, int, str)) and _fits(option.kind, value):
        return value
    raise UsageError(f"it must be {_WANTED[option.kind]}, not {_spelled(value)}")


_WANTED = {
    Kind.POLICY: "the name of a policy",
    Kind.COUNT: "a whole number",
    Kind.DURATION: 'a duration such as "15m", or whole seconds',
    Kind.FLAG: "true or false",
    Kind.QUEUE: "the name of a queue",
}


def _fits(kind: Kind, value: bool | int | str) -> bool:
    if isinstance(value, bool):
        return kind is Kind.FLAG
    return kind in ((Kind.COUNT, Kind.DURATION) if isinstance(value, int) else (Kind.POLICY, Kind.QUEUE))


def to_file(name: str, value: OptionValue) -> object:
    """The value of an option as `from_file` takes it back."""
    if value is None:
        return NONE
    if value == NONE and OPTIONS[name].kind is Kind.QUEUE:
        return {"queue": NONE}
    if OPTIONS[name].kind is Kind.DURATION and isinstance(value, int) and value >= 0:
        return exact_duration(value)
    return value


def shown(name: str, value: OptionValue, *, client_defaults: bool = False) -> str:
    """A value in words for people: `15m`, `yes`, `none`, and `client default` where 10.x has NULL."""
    if value is None:
        return "client default" if client_defaults and not OPTIONS[name].clearable else NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if OPTIONS[name].kind is Kind.DURATION and isinstance(value, int) and value >= 0:
        return exact_duration(value)
    return str(value)


def same(name: str, current: OptionValue, wanted: OptionValue) -> bool:
    """Whether a value is as wanted. A missing policy, as raw SQL leaves it on 10.x, is the standard one."""
    if name == "policy":
        return (current or "standard") == wanted
    return current == wanted and isinstance(current, bool) == isinstance(wanted, bool)


def _spelled(value: object) -> str:
    words = {bool: str(value).lower(), dict: "a table", list: "a list"}
    return words.get(type(value)) or (f'"{_shown(value)}"' if isinstance(value, str) else _shown(str(value)))


def _shown(text: str) -> str:
    return truncate(clean(text), 40)
