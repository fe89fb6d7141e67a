"""One list of commands per screen: keys, footer, help, palette and the `:` line all derive from it.

A screen (and the app) has `COMMAND_LIST: ClassVar[tuple[Command, ...]]`, `BINDINGS = bindings(COMMAND_LIST)` and an
`action_…` method for each. Lower case keys are safe; what changes the database has a capital.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.screen import Screen

FOOTER_KEYS = 5
_ID = re.compile(r"[a-z][a-z0-9]*(?:[.-][a-z0-9]+)*")


@dataclass(frozen=True)
class Command:
    """Something the user can do.

    `id` such as `queue.ensure` names it in the keymap file; its last part is its name on the `:` line. `keys`
    are Textual's key names, separated by commas, or empty. `args` name the arguments of the `:` line: `name`
    must be given, `name?` may be, `name...` takes the rest of the line. `changes` says that it writes. `action`
    defaults to the id with underscores. `opens_line` says that one goes on typing after the key: it is seen to before
    the next key, so its owner's `check_action` must refuse it while a field has the focus.
    """

    id: str
    keys: str
    title: str
    tooltip: str = ""
    group: str = "General"
    args: tuple[str, ...] = ()
    footer: bool = False
    changes: bool = False
    action: str = ""
    opens_line: bool = False

    @property
    def name(self) -> str:
        """What is typed after the colon."""
        return self.id.rpartition(".")[2]

    @property
    def action_name(self) -> str:
        """The method without its `action_`."""
        return self.action or re.sub(r"[.-]", "_", self.id)

    @property
    def needs(self) -> int:
        """How many arguments must be given."""
        return sum(not arg.endswith(("?", "...")) for arg in self.args)

    @property
    def asks(self) -> bool:
        """Whether it is of no use without arguments."""
        return bool(self.needs) or any(arg.endswith("...") for arg in self.args)

    @property
    def usage(self) -> str:
        """How it is typed: `:ensure NAME [POLICY] [OPTIONS …]`."""
        return " ".join([f":{self.name}", *map(_placeholder, self.args)])


def _placeholder(arg: str) -> str:
    if arg.endswith("..."):
        return f"[{arg[:-3].upper()} …]"
    return f"[{arg[:-1].upper()}]" if arg.endswith("?") else arg.upper()


def bindings(commands: Sequence[Command]) -> list[BindingType]:
    """Textual's bindings for a list of commands; an id can be given other keys by `App.set_keymap`.

    Raises ValueError for a list that breaks the rules: a key or id twice, more than five in the footer, a
    changing command on anything but a capital letter, a malformed id.
    """
    _check(commands)
    return [
        Binding(
            command.keys,
            command.action_name,
            command.title,
            show=command.footer,
            tooltip=command.tooltip,
            priority=command.opens_line,
            id=command.id,
        )
        for command in commands
        if command.keys
    ]


def _check(commands: Sequence[Command]) -> None:
    keys = [key for command in commands for key in command.keys.split(",") if key]
    _once("key", keys)
    _once("id", [command.id for command in commands])
    if sum(command.footer for command in commands) > FOOTER_KEYS:
        raise ValueError(f"more than {FOOTER_KEYS} commands want to be in the footer")
    for command in commands:
        if not _ID.fullmatch(command.id):
            raise ValueError(f"{command.id!r} is not an id such as queue.ensure")
        small = [key for key in command.keys.split(",") if key and not (len(key) == 1 and key.isupper())]
        if command.changes and small:
            raise ValueError(f"{command.id} changes the database, so its key must be a capital, not {small[0]}")


def _once(what: str, values: Iterable[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise ValueError(f"the {what} {value} is used twice")
        seen.add(value)


@dataclass(frozen=True)
class Offer:
    """A command as it stands now: whose it is, the keys it has (after the keymap), whether it can be used."""

    command: Command
    owner: DOMNode
    keys: tuple[str, ...]
    enabled: bool


def offers(screen: Screen[Any]) -> list[Offer]:
    """The commands of a screen, then those of the app, without those that do not apply at the moment.

    An id the screen uses hides the app's; a command whose `check_action` says None is there but not enabled.
    """
    keys = _active_keys(screen)
    found: dict[str, Offer] = {}
    for owner in (screen, screen.app):
        for command in command_list(owner):
            state = owner.check_action(command.action_name, ())
            if state is not False and command.id not in found:
                shown = keys.get(command.id) or _declared_keys(screen, command)
                found[command.id] = Offer(command, owner, shown, state is True)
    return list(found.values())


def command_list(node: DOMNode) -> tuple[Command, ...]:
    """The commands a screen or app declares."""
    return tuple(getattr(node, "COMMAND_LIST", ()))


def _active_keys(screen: Screen[Any]) -> dict[str, tuple[str, ...]]:
    keys: dict[str, tuple[str, ...]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        if binding.id:
            keys[binding.id] = (*keys.get(binding.id, ()), screen.app.get_key_display(binding))
    return keys


def _declared_keys(screen: Screen[Any], command: Command) -> tuple[str, ...]:
    """For a key that a widget on the screen answers itself, as a table does Enter."""
    own: Mapping[str, str] = getattr(screen.app, "own_keys", {})
    keys = [Binding(key, "") for key in own.get(command.id, command.keys).split(",") if key]
    return tuple(screen.app.get_key_display(key) for key in keys)


async def run(offer: Offer, *args: str) -> bool:
    """Do it; whether there was somebody to do it."""
    return await offer.owner.app.run_action(("", offer.command.action_name, args), offer.owner)


# --- the `:` line


class CommandLineError(Exception):
    """A `:` line that cannot be run; the message is a sentence for the user."""


@dataclass(frozen=True)
class Invocation:
    """A command and the arguments it was given."""

    offer: Offer
    args: tuple[str, ...]


Values = Callable[[Command, int, str], Iterable[str]]
"""For completion: what argument number i of a command may be, given what has been typed of it."""


def parse_line(text: str, choices: Sequence[Offer]) -> Invocation:
    """Read `jobs queue:email state:failed`. A name may be shortened as long as it is the only one.

    Raises CommandLineError.
    """
    word, _, rest = text.strip().removeprefix(":").strip().partition(" ")
    offer = _named(word, choices)
    command = offer.command
    if not offer.enabled:
        raise CommandLineError(f"{command.name} cannot be used now")
    args = _split(rest.strip(), command)
    if len(args) < command.needs or len(args) > len(command.args):
        raise CommandLineError(f"usage: {command.usage}")
    return Invocation(offer, args)


def _split(rest: str, command: Command) -> tuple[str, ...]:
    greedy = bool(command.args) and command.args[-1].endswith("...")
    parts = rest.split(None, len(command.args) - 1) if greedy else rest.split()
    return tuple(parts)


def _named(word: str, choices: Sequence[Offer]) -> Offer:
    if not word:
        raise CommandLineError("type the name of a command")
    for names in (_full_names, _short_names):
        exact = [offer for offer in choices if word in names(offer)]
        if len(exact) == 1:
            return exact[0]
    near = [offer for offer in choices if any(name.startswith(word) for name in _short_names(offer))]
    if len(near) == 1:
        return near[0]
    if not near:
        raise CommandLineError(f"there is no command {word} here")
    raise CommandLineError(f"{word} could be " + ", ".join(sorted(offer.command.id for offer in near)))


def _full_names(offer: Offer) -> tuple[str, ...]:
    return (offer.command.id,)


def _short_names(offer: Offer) -> tuple[str, ...]:
    return (offer.command.name, offer.command.id)


def complete(text: str, choices: Sequence[Offer], values: Values | None = None) -> list[str]:
    """Whole lines that what was typed could become, without the colon, best first."""
    word, blank, rest = text.removeprefix(":").partition(" ")
    if not blank:
        return sorted(name for name in _typed_names(choices) if name.startswith(word))
    if values is None:
        return []
    try:
        command = _named(word, choices).command
    except CommandLineError:
        return []
    if not command.args:
        return []
    begin, number, typed = _at_cursor(rest, command)
    return [f"{word} {begin}{value}" for value in values(command, number, typed)]


def _at_cursor(rest: str, command: Command) -> tuple[str, int, str]:
    """What is typed of which argument, and what stands before it; the rest of the line is one argument."""
    last, words = len(command.args) - 1, rest.split(" ")
    greedy = command.args[last].endswith("...")
    number = min(len(words) - 1, last)
    begin = words[:number] if greedy else words[:-1]
    return "".join(f"{one} " for one in begin), number, " ".join(words[len(begin) :])


def _typed_names(choices: Sequence[Offer]) -> list[str]:
    """What to type for each command: its name, or its id where the name is not the only one."""
    usable = [offer.command for offer in choices if offer.enabled]
    names = [command.name for command in usable]
    return [command.id if names.count(command.name) > 1 else command.name for command in usable]
