"""The file of keys: `id = "keys"`, one command a line. What is wrong is told by its line and left out.

    queues.sort = "o"            # a key by its sign or its name: "?", "question_mark", "ctrl+o", "f5"
    app.pause = "p,f6"           # several, by comma
    job.retry = "T"              # what changes something stays on capitals

`bossctl tui` takes it from `keymap.toml` beside the context file. README tells where ids are found;
those of tables are `move.…` and `table.…`, of payloads `json.…`.
"""

from __future__ import annotations

import pkgutil
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from textual.binding import Binding, BindingType
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, _character_to_key, key_to_character

from bossctl.tui.commands import Command

MODIFIERS = frozenset(("ctrl", "shift", "alt", "super"))
_NAMED = frozenset((*(key.value for key in Keys), *KEY_NAME_REPLACEMENTS.values()))
_TABLE = re.compile(r"\s*\[([^\[\]]+)\]\s*(#.*)?")


@dataclass(frozen=True)
class Entry:
    """A line of the file, its keys by Textual's names."""

    line: int
    id: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Bound:
    """A command or a widget's own key as it is by default."""

    id: str
    keys: tuple[str, ...]
    changes: bool


Scope = Mapping[str, Bound]
"""What has keys at the same time, by id: the commands of a screen and the app, the keys of widgets."""


@dataclass(frozen=True)
class Keymap:
    """What `App.set_keymap` takes, and a sentence for each line that was left out.

    `new` are those of the commands that have no key by default: there is no binding yet that `set_keymap` could change.
    """

    keys: Mapping[str, str]
    problems: tuple[str, ...]
    new: frozenset[str] = frozenset()


def load(path: Path, app_commands: Sequence[Command]) -> Keymap:
    """Read a file, empty for none; imports every screen to know what there is."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Keymap({}, ())
    except (OSError, UnicodeError) as error:
        return Keymap({}, (f"{path.name} cannot be read: {error}",))
    found = understood(text, scopes(app_commands))
    return Keymap(found.keys, tuple(f"{path.name} {problem}" for problem in found.problems), found.new)


def understood(text: str, known: Sequence[Scope]) -> Keymap:
    """The keys of a text, and what is wrong with it."""
    bounds = {id_: bound for scope in known for id_, bound in scope.items()}
    problems: list[tuple[int, str]] = []
    entries: dict[str, Entry] = {}
    for number, parsed in _lines(text):
        problem = parsed if isinstance(parsed, str) else _wrong(parsed, bounds, entries)
        if problem:
            problems.append((number, problem))
        elif isinstance(parsed, Entry):
            entries[parsed.id] = parsed
    problems += _drop_clashes(entries, known)
    told = tuple(f"line {number}: {sentence}" for number, sentence in sorted(problems))
    new = frozenset(one.id for one in entries.values() if not bounds[one.id].keys)
    return Keymap({one.id: ",".join(one.keys) for one in entries.values()}, told, new)


def _lines(text: str) -> Iterator[tuple[int, Entry | str]]:
    """Each line by itself, so that one that is wrong spoils no other."""
    prefix = ""
    for number, line in enumerate(text.splitlines(), start=1):
        table = _TABLE.fullmatch(line)
        if table is not None:
            prefix = table[1].strip().replace('"', "") + "."
            continue
        try:
            values = dict(_flat(tomllib.loads(line)))
        except tomllib.TOMLDecodeError:
            yield number, 'not a line such as queues.sort = "o"'
            continue
        for id_, keys in values.items():
            if isinstance(keys, str):
                yield number, Entry(number, prefix + id_, tuple(_named(key.strip()) for key in keys.split(",")))
            else:
                yield number, f'the keys of {prefix}{id_} must stand in quotes, such as "o" or "o,f5"'


def _flat(table: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from ((f"{name}.{inner}", one) for inner, one in _flat(value))
        else:
            yield name, value


def _named(key: str) -> str:
    *modifiers, last = key.split("+") if len(key) > 1 else [key]
    return "+".join([*modifiers, _character_to_key(last) if len(last) == 1 else last])


def _is_key(key: str) -> bool:
    *modifiers, last = key.split("+")
    return MODIFIERS.issuperset(modifiers) and (key_to_character(last) is not None or {key, last} & _NAMED != set())


def _wrong(entry: Entry, bounds: Scope, entries: Mapping[str, Entry]) -> str:
    """Why a line cannot be used; empty where it can."""
    bound = bounds.get(entry.id)
    if bound is None:
        return f"there is no command {entry.id}"
    if entry.id in entries:
        return f"{entry.id} has its keys in line {entries[entry.id].line} already"
    for key in entry.keys:
        if not _is_key(key):
            return f"{key or 'nothing'} is not the name of a key"
        if bound.changes and not (len(key) == 1 and key.isascii() and key.isupper()):
            return f"{entry.id} changes the database, so its key must be a capital, not {key}"
    return ""


def _drop_clashes(entries: dict[str, Entry], known: Sequence[Scope]) -> Iterator[tuple[int, str]]:
    """Take out, the last line first, what would give one key two meanings that it has not by default."""
    while True:
        clash = next(_clashes(entries, known), None)
        if clash is None:
            return
        entry, key, other = clash
        del entries[entry.id]
        yield entry.line, f"{key} cannot be {entry.id}: it is {other} already"


def _clashes(entries: Mapping[str, Entry], known: Sequence[Scope]) -> Iterator[tuple[Entry, str, str]]:
    for entry in sorted(entries.values(), key=lambda one: -one.line):
        for scope in known:
            mine = scope.get(entry.id)
            for other in scope.values() if mine is not None else ():
                theirs = entries[other.id].keys if other.id in entries else other.keys
                shared = set(entry.keys) & set(theirs) if other.id != entry.id else set()
                usual = set(mine.keys) & set(other.keys) if mine is not None else set()
                for key in sorted(shared - usual):
                    yield entry, key, other.id


# --- what there is


def scopes(app_commands: Sequence[Command]) -> list[Scope]:
    """The app's commands with those of each screen, and the keys of the widgets that screens are made of."""
    from bossctl.tui.screens.base import BossScreen
    from bossctl.tui.widgets.json_lines import JsonLines
    from bossctl.tui.widgets.json_view import JsonView
    from bossctl.tui.widgets.table import LineTable

    package = import_module("bossctl.tui.screens")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        import_module(module.name)
    widgets = [one for kind in (LineTable, JsonView, JsonLines) for base in kind.__mro__ for one in _own_keys(base)]
    everywhere = {one.id: one for one in [*widgets, *map(_bound, app_commands)]}
    return [
        {**everywhere, **{one.id: one for one in map(_bound, screen.COMMAND_LIST)}} for screen in _kinds(BossScreen)
    ]


def _kinds(kind: type) -> Iterator[type]:
    yield kind
    for one in kind.__subclasses__():
        yield from _kinds(one)


def _bound(command: Command) -> Bound:
    return Bound(command.id, _split(command.keys), command.changes)


def _own_keys(kind: type) -> Iterator[Bound]:
    bindings: Iterable[BindingType] = kind.__dict__.get("BINDINGS", ())
    together: dict[str, tuple[str, ...]] = {}
    for one in bindings:
        if isinstance(one, Binding) and one.id:
            together[one.id] = (*together.get(one.id, ()), *_split(one.key))
    return (Bound(id_, keys, False) for id_, keys in together.items())


def _split(keys: str) -> tuple[str, ...]:
    return tuple(_named(key.strip()) for key in keys.split(",") if key.strip())
