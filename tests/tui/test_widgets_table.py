"""The line-rendered table: what survives an update, keys, marks and mouse."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import pytest
from textual import events
from textual.app import ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row, containing
from bossctl.tui.widgets.table import LineTable
from tests.tui.widget_apps import GatedApp, screen_lines, screen_text, until

M = TypeVar("M", bound=Message)
HOLD = 0.4
COLUMNS = (
    Column("name", "QUEUE", width=16, min_width=10, max_width=30, fit=True, sortable=True),
    Column("policy", "POLICY", width=10, priority=2, tooltip="how many at once"),
    Column("failed", "FAILED", width=7, align="right", sortable=True),
)


class BriefTable(LineTable):
    """Holds the order so briefly that a test can wait for the end."""

    HOLD_SECONDS = HOLD


class TableApp(GatedApp):
    """One table filling the screen; keeps every message."""

    def __init__(self, table: LineTable | None = None) -> None:
        super().__init__()
        self.table = table or BriefTable(COLUMNS, id="table", empty_text="no queues match [b]x[/b]")
        self.seen: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.table

    def on_line_table_row_highlighted(self, event: LineTable.RowHighlighted) -> None:
        self.seen.append(event)

    def on_line_table_row_selected(self, event: LineTable.RowSelected) -> None:
        self.seen.append(event)

    def on_line_table_header_selected(self, event: LineTable.HeaderSelected) -> None:
        self.seen.append(event)

    def on_line_table_cell_clicked(self, event: LineTable.CellClicked) -> None:
        self.seen.append(event)

    def on_line_table_marks_changed(self, event: LineTable.MarksChanged) -> None:
        self.seen.append(event)

    def last(self, kind: type[M]) -> M:
        return [message for message in self.seen if isinstance(message, kind)][-1]


def row(number: int, failed: int = 0) -> Row:
    return Row(f"q{number}", (f"queue-{number:03d}", "standard", str(failed)))


def snapshot(numbers: Iterable[int]) -> list[Row]:
    return [row(number) for number in numbers]


def shown(app: TableApp) -> list[str]:
    """The first word of every line below the header, without the gutter."""
    return [line[2:].split(" ")[0] for line in screen_lines(app)[1:] if line.strip()]


async def idle(pilot: Pilot[None], table: LineTable) -> None:
    await until(pilot, lambda: not table.held)


async def test_cursor_follows_its_key_not_its_index() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(8)))
        await pilot.press("j", "j", "down")
        assert app.table.cursor_key == "q3"
        await idle(pilot, app.table)
        app.table.update(snapshot(reversed(range(8))))
        await pilot.pause()
        assert app.table.cursor_key == "q3"
        assert app.table.cursor_line == 4
        assert shown(app)[0] == "queue-007"


async def test_cursor_of_an_untouched_table_follows_its_key_too() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(5)))
        await until(pilot, lambda: app.table.cursor_key == "q0")
        app.table.update(snapshot([4, 3, 0, 1]))
        await pilot.pause()
        assert (app.table.cursor_key, app.table.cursor_line) == ("q0", 2)
        assert app.last(LineTable.RowHighlighted).key == "q0"


async def test_order_is_held_after_a_key_and_then_given() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(5)))
        await pilot.press("j")
        app.table.update([row(9), row(4), row(3, failed=7), row(1), row(0)])
        await pilot.pause()
        assert shown(app) == [f"queue-00{n}" for n in (0, 1, 2, 3, 4, 9)], "kept, new row at the end"
        assert screen_lines(app)[4].endswith("7"), "values are updated in place"
        assert screen_lines(app)[3].startswith("× queue-002"), "a row that is gone is still there, and says so"
        assert app.table.is_gone("q2")
        assert app.table.pending
        await until(pilot, lambda: shown(app) == [f"queue-00{n}" for n in (9, 4, 3, 1, 0)])
        assert not app.table.pending


async def test_a_dialog_holds_the_order() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(3)))
        app.table.hold_order = True
        app.table.update(snapshot([2, 1, 0]))
        await pilot.pause(HOLD + 0.2)
        assert shown(app)[0] == "queue-000"
        app.table.hold_order = False
        await until(pilot, lambda: shown(app)[0] == "queue-002")


async def test_an_order_the_user_asked_for_is_not_held_back() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(3)))
        await pilot.press("j")
        app.table.update(snapshot([2, 1, 0]), reorder=True)
        await pilot.pause()
        assert shown(app) == ["queue-002", "queue-001", "queue-000"]


async def test_marks_survive_and_hold() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(6)))
        await pilot.press("space", "j", "space")
        assert app.table.marks == {"q0", "q2"}
        assert app.last(LineTable.MarksChanged).marks == {"q0", "q2"}
        app.table.update(snapshot([5, 4, 3, 2, 1]))
        await pilot.pause(HOLD + 0.2)
        app.table.update(snapshot([5, 4, 3, 2, 1]))
        await pilot.pause()
        assert shown(app)[0] == "queue-000", "held by the marks alone"
        assert screen_lines(app)[1].startswith("⊗")
        assert screen_lines(app)[3].startswith("●")
        assert app.table.selection == ("q0", "q2")
        app.table.update(snapshot([5, 4, 3, 2, 1]), reorder=True)
        await pilot.pause()
        assert shown(app)[-1] == "queue-000", "a marked row that is gone stays, at the end"
        await pilot.press("escape")
        assert not app.table.marks
        await until(pilot, lambda: "queue-000" not in screen_text(app))
        assert app.table.selection == ("q3",), "without marks, the cursor's row"


async def test_range_of_marks() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 14)) as pilot:
        app.table.update(snapshot(range(10)))
        await pilot.press("space", "j", "j", "j", "ctrl+@")
        assert app.table.selection == ("q0", "q1", "q2", "q3", "q4")
        await pilot.press("shift+down", "shift+down")
        assert app.table.selection[-1] == "q6"
        await pilot.press("asterisk")
        assert len(app.table.marks) == 10
        await pilot.press("asterisk")
        assert not app.table.marks


async def test_filter_survives_updates_and_takes_marks_out_of_sight() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 14)) as pilot:
        app.table.update(snapshot(range(10)))
        app.table.set_marks(["q1", "q7"])
        app.table.row_filter = containing("QUEUE- 7")
        await pilot.pause()
        assert shown(app) == ["queue-007"]
        assert app.table.marks == {"q7"}, "what is not seen is not acted upon"
        app.table.set_marks([])
        app.table.update([*snapshot(range(10)), row(17), row(70)])
        await until(pilot, lambda: shown(app) == ["queue-007", "queue-017", "queue-070"])
        app.table.row_filter = None
        await pilot.pause()
        assert len(app.table.keys) == 12


async def test_scroll_position_stays_or_follows_the_reader() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(100)))
        app.table.scroll_to(y=50, animate=False, force=True)
        await pilot.pause()
        app.table.update(snapshot(reversed(range(100))))
        await pilot.pause()
        assert app.table.scroll_offset.y == 50, "nobody at the keys: the view stays"
        app.table.go_to("q30")
        await pilot.press("j")
        place = app.table.cursor_line - app.table.scroll_offset.y
        key = app.table.cursor_key
        await idle(pilot, app.table)
        app.table.update(snapshot(range(100)))
        await pilot.pause()
        assert app.table.cursor_key == key
        assert app.table.cursor_line - app.table.scroll_offset.y == place, "the row somebody reads stays put"


async def test_enter_on_a_row_out_of_view_shows_it_first() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(100)))
        app.table.scroll_to(y=60, animate=False, force=True)
        await pilot.press("enter")
        assert app.table.in_view(0)
        assert not [message for message in app.seen if isinstance(message, LineTable.RowSelected)]
        await pilot.press("enter")
        assert app.last(LineTable.RowSelected).key == "q0"


async def test_vanished_cursor_goes_to_its_neighbour() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.table.update(snapshot(range(6)))
        app.table.go_to("q3")
        app.table.update(snapshot([0, 1, 4, 5]))
        await pilot.pause()
        assert app.table.cursor_key == "q4"
        app.table.update(snapshot([0, 1]))
        await pilot.pause()
        assert app.table.cursor_key == "q1"
        app.table.update([])
        await until(pilot, lambda: app.last(LineTable.RowHighlighted).key is None)
        assert app.table.selection == ()


async def test_movement_keys() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(100)))
        where: list[int] = []
        for key in ("G", "k", "g", "ctrl+d", "ctrl+u", "pagedown", "pageup", "end", "home", "up"):
            await pilot.press(key)
            where.append(app.table.cursor_line)
            assert app.table.in_view(app.table.cursor_line)
        assert where == [99, 98, 0, 5, 0, 10, 0, 99, 0, 0]


async def test_mouse() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(100)))
        await pilot.click("#table", offset=(22, 4))
        assert app.table.cursor_key == "q3"
        cell = app.last(LineTable.CellClicked)
        assert (cell.key, cell.column, cell.x, cell.width) == ("q3", "policy", 22 - 2 - 12 + 1, 10)
        await pilot.click("#table", offset=(4, 6), times=2)
        assert app.last(LineTable.RowSelected).key == "q5"
        await pilot.click("#table", offset=(4, 0))
        assert app.last(LineTable.HeaderSelected).column == "name"
        before = len(app.seen)
        await pilot.click("#table", offset=(22, 0))
        assert len(app.seen) == before, "that column cannot be sorted"
        await pilot.click("#table", offset=(4, 8), shift=True)
        assert app.table.selection == ("q5", "q6", "q7")


async def test_the_wheel_scrolls_and_counts_as_use() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(100)))
        await pilot.pause()
        assert not app.table.held
        wheel = events.MouseScrollDown(app.table, 5, 5, 0, 0, 0, False, False, False, 5, 5)
        app.table.post_message(wheel)
        await until(pilot, lambda: app.table.scroll_offset.y > 0)
        assert app.table.held
        assert app.table.cursor_key == "q0"


async def test_hover_and_header_tooltip() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(3)))
        await pilot.hover("#table", offset=(4, 2))
        assert app.table.hover_line == 1
        await pilot.hover("#table", offset=(22, 0))
        assert app.table.hover_line == -1
        assert app.table.tooltip == "how many at once"


async def test_escape_is_left_to_the_screen_when_nothing_is_marked() -> None:
    class Back(TableApp):
        BINDINGS = [("escape", "leave", "back")]  # noqa: RUF012
        went = 0

        def action_leave(self) -> None:
            self.went += 1

    app = Back()
    async with app.run_test(size=(60, 11)) as pilot:
        app.table.update(snapshot(range(3)))
        await pilot.press("space", "escape")
        assert app.went == 0
        await pilot.press("escape")
        assert app.went == 1


async def test_a_key_may_come_only_once() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)):
        with pytest.raises(ValueError, match="q1"):
            app.table.update([row(1), row(1)])


async def test_rows_may_come_before_the_screen_does() -> None:
    table = BriefTable(COLUMNS)
    table.update(snapshot(range(3)))
    app = TableApp(table)
    async with app.run_test(size=(60, 11)) as pilot:
        await until(pilot, lambda: shown(app) == ["queue-000", "queue-001", "queue-002"])
        assert table.cursor_key == "q0"


async def test_skeleton_then_rows_then_the_empty_sentence() -> None:
    app = TableApp()
    async with app.run_test(size=(60, 11)) as pilot:
        await until(pilot, lambda: screen_text(app).count("▒") > 20)
        app.table.update(snapshot(range(3)))
        await until(pilot, lambda: "▒" not in screen_text(app) and "queue-002" in screen_text(app))
        app.table.update([])
        await until(pilot, lambda: "no queues match [b]x[/b]" in screen_text(app))
        app.table.show_skeleton()
        await until(pilot, lambda: screen_text(app).count("▒") > 20)
