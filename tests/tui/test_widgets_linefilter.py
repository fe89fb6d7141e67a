"""The output gate: hostile text in stock and own widgets, every strip that goes out is looked at."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from rich.terminal_theme import DEFAULT_TERMINAL_THEME
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding
from textual.color import Color
from textual.content import Content
from textual.filter import ANSIToTruecolor, LineFilter
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import (
    Button,
    Collapsible,
    DataTable,
    Footer,
    Input,
    Label,
    OptionList,
    RichLog,
    Static,
    TabbedContent,
    TabPane,
    TextArea,
    Tree,
)

from bossctl.tui.linefilter import ASCII_ONLY, SAFE, UNSAFE, InOne, ascii_only, safe
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable
from tests.tui.widget_apps import screen_strips, screen_text, until

EVIL = "A\x1b[31mB\x1b]0;title\x07C\x9b2JD\u202eE\u2066F\x00G\x7fH\u200eI\ud800J\r\bK\u2028L\xadM"
BACKGROUND = Color(0, 0, 0)


class Hostile(App[None]):
    """The same evil text in every widget that shows text, in the paths bossctl uses and in those it does not."""

    BINDINGS = [Binding("x", "bell", EVIL, tooltip=EVIL)]  # noqa: RUF012
    CSS = "* { height: auto; } DataTable, Tree, OptionList, RichLog, TextArea, LineTable { height: 4; }"

    def __init__(self, filters: Sequence[LineFilter]) -> None:
        super().__init__()
        self.extra = filters
        self.title = EVIL

    def get_line_filters(self) -> Sequence[LineFilter]:
        return [*super().get_line_filters(), *self.extra]

    def compose(self) -> ComposeResult:
        yield Label(EVIL, markup=False)
        yield Static(Text(EVIL, "red"))
        yield Static(Content(EVIL, strip_control_codes=False))
        yield Input(value=EVIL, placeholder=EVIL)
        yield Button(Text(EVIL))
        yield DataTable()
        yield OptionList(Text(EVIL))
        yield Tree(Text(EVIL))
        yield RichLog()
        yield TextArea(EVIL)
        yield Collapsible(title="C")
        yield LineTable([Column("c", EVIL, width=30)], empty_text=EVIL)
        with TabbedContent():
            yield TabPane(Text(EVIL).plain, Label("tab"))
        yield Footer()

    def on_mount(self) -> None:
        table = self.query_one(DataTable[Text])
        table.add_column(Text(EVIL))
        table.add_row(Text(EVIL))
        self.query_one(LineTable).update([Row(EVIL, (EVIL,)), Row("b", (Text(EVIL),)), Row("c", (Content(EVIL),))])
        self.query_one(RichLog).write(Text(EVIL))
        self.query_one(Input).border_title = EVIL
        self.notify(EVIL, title=EVIL, markup=False, timeout=60)


def all_strips(app: App[None]) -> list[tuple[Widget, Strip]]:
    """What every mounted widget would hand to the compositor, on screen or not, filters applied."""
    found: list[tuple[Widget, Strip]] = []
    for widget in app.screen.query("*"):
        if widget.size:
            region = Region(0, 0, widget.outer_size.width, widget.outer_size.height)
            found += [(widget, strip) for strip in widget.render_lines(region)]
    return found


async def test_nothing_raw_leaves_any_widget() -> None:
    app = Hostile([SAFE])
    async with app.run_test(size=(100, 70), notifications=True) as pilot:
        await until(pilot, lambda: app.query("Toast"))
        await pilot.hover(Label)
        strips = all_strips(app)
        kinds = {type(widget).__name__ for widget, strip in strips if "title" in strip.text or "[31mB" in strip.text}
        assert kinds >= {"Label", "Static", "Input", "Button", "DataTable", "OptionList", "LineTable", "Toast"}
        raw = [(widget, strip.text) for widget, strip in strips if UNSAFE.search(strip.text)]
        assert not raw
        for strip in screen_strips(app):
            assert not UNSAFE.search(strip.text)
            assert sum(cell_len(segment.text) for segment in strip) == strip.cell_length == 100
            strip.text.encode()


async def test_the_same_app_without_the_gate_does_leak() -> None:
    app = Hostile([])
    async with app.run_test(size=(100, 70), notifications=True) as pilot:
        await until(pilot, lambda: app.query("Toast"))
        assert any(UNSAFE.search(strip.text) for _, strip in all_strips(app)), "else the test above proves nothing"


async def test_ascii_leaves_nothing_else() -> None:
    app = Hostile([SAFE, ASCII_ONLY])
    async with app.run_test(size=(100, 70), notifications=True) as pilot:
        await until(pilot, lambda: app.query("Toast"))
        assert all(strip.text.isascii() for _, strip in all_strips(app))
        assert screen_text(app).isascii()
        assert all(strip.cell_length == 100 for strip in screen_strips(app))


@settings(deadline=None)
@given(st.text())
def test_width_is_kept_and_nothing_unsafe_stays(text: str) -> None:
    for gate in (safe, ascii_only, lambda text: ascii_only(safe(text))):
        assert cell_len(gate(text)) == cell_len(text)
    assert not UNSAFE.search(safe(text))
    assert ascii_only(text).isascii()


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]).filter(lambda one: not UNSAFE.match(one))))
def test_ordinary_text_passes_unchanged(text: str) -> None:
    assert safe(text) == text


@pytest.mark.parametrize(
    "code", [*range(0x20), *range(0x7F, 0xA0), 0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
)
def test_each_control_and_bidi_character_is_caught(code: int) -> None:
    line = SAFE.apply([Segment(f"a{chr(code)}b", Style())], BACKGROUND)
    assert chr(code) not in line[0].text
    assert (line[0].text[0], line[0].text[-1]) == ("a", "b")


def test_likeness_in_ascii() -> None:
    assert ascii_only("┌─┐│█▓░●○✓✗◐↻⊘…▲▼→") == "+-+|##.*ovx>@-.^v>"
    assert ascii_only("naïve 日本") == "na?ve ????"


def test_links_and_controls_are_cleaned_too() -> None:
    link = Style(link="https://x/\x1b]8;;evil\x07")
    good = Style(link="https://x/")
    segments = SAFE.apply([Segment("a", link), Segment("b", good), Segment("c", Style())], BACKGROUND)
    assert [segment.style.link if segment.style is not None else "no style" for segment in segments] == [
        None,
        "https://x/",
        None,
    ]


def test_clean_lines_cost_no_copy() -> None:
    line = [Segment("queue-1 ─│█ 日本", Style()) for _ in range(20)]
    assert SAFE.apply(line, BACKGROUND) is line


def test_several_filters_in_one_are_the_same_one_after_the_other() -> None:
    line = [Segment("a\x1b[31m…", Style(color="red", dim=True)), Segment("é │ b")]
    truecolor = ANSIToTruecolor(DEFAULT_TERMINAL_THEME)
    one_by_one = ASCII_ONLY.apply(SAFE.apply(truecolor.apply(line, BACKGROUND), BACKGROUND), BACKGROUND)
    assert InOne([truecolor, SAFE, ASCII_ONLY]).apply(line, BACKGROUND) == one_by_one != line
