"""What may stand at the cursor, for the TUI's `/` and its like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bossctl.selector.keys import KEYS
from bossctl.selector.paths import ROOTS, Path, path_text
from bossctl.selector.tree import STATES, QueueGlob
from bossctl.selector.writing import quote, to_text

MOST = 50
"""How many completions are offered at once."""

_LAST_WORD = re.compile(r"(?:\"(?:[^\"\\]|\\.)*+(?:\"|\Z)|'(?:[^'\\]|\\.)*+(?:'|\Z)|[^\s()\"'])++", re.DOTALL)
_OPERATORS = (("OR", "either side"), ("NOT", "without what follows"))
_CONDITIONS = {
    "open": "created, retry or active",
    "due": "waiting, and its time has come",
    "stuck": "active past its expiry or heartbeat",
    "rerun": "ran more than once",
}
_SCOPES = {"true": "only archived jobs", "any": "archived jobs too", "false": "only live jobs"}
_PATH_STARTS = tuple(f"{root}." for root in ROOTS)
_AGES = ("5m", "15m", "1h", "6h", "1d", "7d")


@dataclass(frozen=True)
class Completion:
    """Put `text` in place of the characters `start` … `end` of the expression; `help` is one line, or empty."""

    text: str
    start: int
    end: int
    help: str = ""


def complete(
    text: str, cursor: int, *, queues: Sequence[str], keys: Sequence[str] = (), paths: Sequence[Path] = ()
) -> list[Completion]:
    """What the word before the cursor may become: keys and operators, then the key's values.

    `queues` are names, `keys` singleton keys, `paths` the paths that are known to be in payloads and outputs.
    """
    cursor = max(0, min(cursor, len(text)))
    word = ""
    for match in _LAST_WORD.finditer(text, 0, cursor):
        word = match[0] if match.end() == cursor else ""
    word = word.lstrip("!")
    start = cursor - len(word)
    key, colon, value = word.partition(":")
    if not colon and word.lower().startswith(_PATH_STARTS):
        options = _paths(word, paths)
    elif not colon:
        options = _keys(word, first=not text[:start].strip(" \t(!"))
    else:
        options = _VALUES.get(key.lower(), _nothing)(value, keys if key.lower() == "key" else queues)
        start += len(key) + 1
    return [Completion(option, start, cursor, help_) for option, help_ in options][:MOST]


def _keys(word: str, *, first: bool) -> Iterable[tuple[str, str]]:
    for key in KEYS:
        if key.name.startswith(word.lower()):
            yield key.name + ("." if key.name in ("data", "output") else ":"), f"{key.help}: {key.example}"
    for operator, help_ in () if first else _OPERATORS:
        if operator.startswith(word.upper()):
            yield operator, help_


def _paths(word: str, paths: Iterable[Path]) -> Iterable[tuple[str, str]]:
    typed = word.lower()
    spelled = dict.fromkeys(map(path_text, paths))
    return ((f"{path}:", "") for path in spelled if path.lower().startswith(typed))


def _nothing(value: str, queues: Sequence[str]) -> Iterable[tuple[str, str]]:
    return ()


def _queues(value: str, queues: Sequence[str]) -> Iterable[tuple[str, str]]:
    typed = value.lstrip("\"'").casefold()
    found = [name for name in queues if typed in name.casefold()]
    found.sort(key=lambda name: not name.casefold().startswith(typed))
    return ((to_text(QueueGlob.exactly(name)).removeprefix("queue:"), "") for name in found)


def _singleton_keys(value: str, keys: Sequence[str]) -> Iterable[tuple[str, str]]:
    typed = value.lstrip("\"'").casefold()
    return ((quote(key), "") for key in dict.fromkeys(keys) if key.casefold().startswith(typed))


def _states(value: str, queues: Sequence[str]) -> Iterable[tuple[str, str]]:
    *before, typed = value.lower().split(",")
    for state in STATES:
        if state.startswith(typed) and state not in before:
            yield ",".join([*before, state]), "8 and 9 only" if state == "expired" else ""


def _of(known: dict[str, str]) -> Callable[[str, Sequence[str]], Iterable[tuple[str, str]]]:
    return lambda value, queues: ((name, help_) for name, help_ in known.items() if name.startswith(value.lower()))


_VALUES: dict[str, Callable[[str, Sequence[str]], Iterable[tuple[str, str]]]] = {
    "queue": _queues,
    "key": _singleton_keys,
    "state": _states,
    "is": _of(_CONDITIONS),
    "archived": _of(_SCOPES),
    "older": _of(dict.fromkeys(_AGES, "")),
    "newer": _of(dict.fromkeys(_AGES, "")),
}
