"""The `?` overlay: every key of the screen below, by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from bossctl.tui.commands import offers
from bossctl.tui.pacing import PacedDialog

WIDGET_GROUPS = {"move": "Moving", "table": "Table", "json": "Payload"}
"""Where keys of widgets stand in the help, by the first part of their id."""
TWO_COLUMNS = 100
WIDEST, MARGINS = 140, 6


@dataclass(frozen=True)
class HelpLine:
    """One line: the keys, what they do, and more about it."""

    keys: str
    title: str
    tooltip: str = ""


Sections = list[tuple[str, list[HelpLine]]]


def help_sections(screen: Screen[Any]) -> Sections:
    """The commands by group in their order, then the keys of the widget that has the focus."""
    sections: dict[str, list[HelpLine]] = {}
    taken: set[str] = set()
    for offer in offers(screen):
        command = offer.command
        keys = " ".join(offer.keys) or command.usage
        sections.setdefault(command.group, []).append(HelpLine(keys, command.title, command.tooltip))
        taken.update(offer.keys)
    for group, line in _widget_keys(screen, taken):
        sections.setdefault(group, []).append(line)
    return list(sections.items())


def _widget_keys(screen: Screen[Any], taken: set[str]) -> list[tuple[str, HelpLine]]:
    """The keys of the focused widget that are not a command's."""
    found: dict[str, tuple[str, str, list[str]]] = {}
    for active in screen.active_bindings.values():
        binding = active.binding
        group = WIDGET_GROUPS.get((binding.id or "").partition(".")[0])
        key = screen.app.get_key_display(binding)
        if binding.id and group and key not in taken:
            found.setdefault(binding.id, (group, binding.description, []))[2].append(key)
    return [(group, HelpLine(" ".join(keys), title)) for group, title, keys in found.values()]


class HelpScreen(PacedDialog[None]):
    """Shows `help_sections`; any of Esc, q and ? closes it."""

    DEFAULT_CSS = """
    HelpScreen {
        align: center middle;
        & > Vertical {
            width: 90%; max-width: 140; height: auto; max-height: 90%;
            background: $surface; border: round $primary; border-title-color: $text-primary; padding: 0 1;
        }
        & VerticalScroll { height: auto; max-height: 100%; scrollbar-size-vertical: 1; }
        & Horizontal { height: auto; }
        & Static { width: 1fr; height: auto; padding: 0 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "close", "Close"),
        Binding("ctrl+c", "app.quit", "Quit", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, sections: Sections, *, title: str = "Keys") -> None:
        super().__init__()
        self._sections = sections
        self._title = title

    def compose(self) -> ComposeResult:
        """One or two columns of sections."""
        with Vertical() as box, VerticalScroll(), Horizontal():
            box.border_title = Content(f"{self._title} — Esc closes").markup
            count = 2 if self.app.size.width >= TWO_COLUMNS else 1
            room = min(self.app.size.width * 9 // 10, WIDEST) // count - MARGINS
            for part in _columns(self._sections, count):
                yield Static(_content(part, room), markup=False)

    def action_close(self) -> None:
        """Back to the screen."""
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        """Move by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _columns(sections: Sections, count: int) -> list[Sections]:
    """The sections in `count` columns of about the same height."""
    total = sum(len(lines) + 2 for _, lines in sections)
    columns: list[Sections] = [[]]
    height = 0
    for group, lines in sections:
        if columns[-1] and height + len(lines) / 2 > total / count and len(columns) < count:
            columns.append([])
            height = 0
        columns[-1].append((group, lines))
        height += len(lines) + 2
    return columns


def _content(sections: Sections, room: int) -> Content:
    width = max((cell_len(line.keys) for _, lines in sections for line in lines), default=0)
    return Content("\n\n").join(_section(group, lines, width, room) for group, lines in sections)


def _section(group: str, lines: Sequence[HelpLine], width: int, room: int) -> Content:
    rows = [Content(group).stylize("bold $text-primary")]
    for line in lines:
        keys = Content(line.keys + " " * (width - cell_len(line.keys)) + "  ").stylize("bold $text-accent")
        about = f"{line.title} – {line.tooltip}" if line.tooltip else line.title
        first, *more = wrap(about, max(20, room - width - 2)) or [""]
        rows.append(keys + first)
        rows.extend(Content(" " * (width + 2) + part) for part in more)
    return Content("\n").join(rows)
