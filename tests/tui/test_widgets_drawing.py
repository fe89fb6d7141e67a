"""How the table draws: exact widths, columns that fit, no markup, only what changed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.strip import Strip

from bossctl.tui.widgets.cells import fit
from bossctl.tui.widgets.columns import Column, place
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.table import LineTable
from tests.tui.widget_apps import GatedApp, screen_lines, screen_strips, screen_text, until

COLUMNS = (
    Column("name", "NAME", width=20, min_width=8, max_width=40, fit=True, flex=1, sortable=True),
    Column("policy", "POLICY", width=10, priority=3),
    Column("count", "COUNT", width=8, align="right", sortable=True),
    Column("age", "AGE", width=6, align="right", priority=1),
    Column("note", "NOTE", width=24, min_width=6, priority=2),
)


class CountingTable(LineTable):
    """Knows which rows it really drew."""

    drawn: list[str]

    def _draw(self, row: Row, names: tuple[str, ...]) -> Strip:
        self.drawn.append(row.key)
        return super()._draw(row, names)


class Showing(GatedApp):
    def __init__(self, columns: tuple[Column, ...] = COLUMNS) -> None:
        super().__init__()
        self.table = CountingTable(columns, id="table")
        self.table.drawn = []

    def compose(self) -> ComposeResult:
        yield self.table


def row(number: int, *, name: str = "", count: object = 0, note: str = "-") -> Row:
    return Row(f"r{number}", (name or f"name-{number}", "standard", str(count), f"{number}s", note))


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(0, 30), st.sampled_from(["left", "right"]))
def test_a_cell_has_exactly_its_width(text: str, width: int, align: str) -> None:
    assert cell_len(fit(text, width, "right" if align == "right" else "left")) == width


def test_cut_by_cells_not_by_characters() -> None:
    assert fit("日本語キュー", 8) == "日本語… "
    assert fit("日本語", 8, "right") == "  日本語"
    assert fit("email-high", 5) == "emai…"


def test_least_important_columns_go_first() -> None:
    def keys(available: int) -> list[str]:
        return [placed.column.key for placed in place(COLUMNS, available, gap=1, widest={})]

    assert keys(100) == ["name", "policy", "count", "age", "note"]
    assert keys(41) == ["name", "count", "age", "note"]
    assert keys(30) == ["name", "count", "age"]
    assert keys(20) == ["name", "count"]
    assert keys(5) == ["name", "count"], "priority 0 is never dropped"


@settings(deadline=None)
@given(
    st.integers(1, 250),
    st.integers(0, 60),
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 3), st.integers(0, 3), st.booleans()),
        min_size=1,
        max_size=8,
    ),
)
def test_placed_columns_never_overlap_nor_overflow_needlessly(
    available: int, widest: int, shapes: list[tuple[int, int, int, bool]]
) -> None:
    columns = [
        Column(f"c{i}", "T", width=width, min_width=max(1, width // 2), flex=flex, priority=priority, fit=fit)
        for i, (width, flex, priority, fit) in enumerate(shapes)
    ]
    placed = place(columns, available, gap=1, widest={f"c{i}": widest for i in range(len(columns))})
    for left, right in pairwise(placed):
        assert left.x + left.width + 1 == right.x
    end = placed[-1].x + placed[-1].width if placed else 0
    if any(p.column.priority for p in placed):
        assert end <= available
    if any(p.column.flex for p in placed) and all(p.column.priority == 0 for p in placed) is False:
        assert end == available, "flexible columns use what is left"
    assert all(p.width >= p.column.smallest for p in placed)


async def test_a_fitted_column_grows_but_never_shrinks() -> None:
    app = Showing((Column("name", "NAME", min_width=6, max_width=18, fit=True), Column("n", "N", width=4)))
    async with app.run_test(size=(60, 8)) as pilot:
        widths: list[int] = []
        for name in ("ab", "a-longer-name", "ab", "n" * 50):
            app.table.update([Row("r", (name, "1"))])
            await pilot.pause()
            widths.append(app.table.column_width("name"))
        assert widths == [6, 13, 13, 18]
        assert screen_lines(app)[1] == "  " + "n" * 17 + "… 1"


@pytest.mark.parametrize("size", [(300, 80), (140, 40), (80, 24), (60, 20)])
async def test_every_line_fits_and_columns_line_up(size: tuple[int, int]) -> None:
    app = Showing()
    async with app.run_test(size=size) as pilot:
        app.table.sorted_by = ("count", True)
        app.table.update(
            [row(1, name="ünïcode-日本語-🎉", count=12345, note="[red]x[/]"), row(2, count=7, note="n" * 99)]
        )
        await pilot.pause()
        header, first, second, *_ = screen_lines(app)
        assert header.index("COUNT▼") + 6 == second.index("7") + 1
        assert cell_len(first.split("12345")[0]) == cell_len(second.split(" 7 ")[0]) - 3
        assert all(strip.cell_length == size[0] for strip in screen_strips(app))
        if "note" in app.table.shown_columns:
            assert "[red]x" in first
            assert "…" in second


async def test_sideways_when_the_indispensable_does_not_fit() -> None:
    app = Showing((Column("a", "AAA", width=40), Column("b", "BBB", width=40)))
    async with app.run_test(size=(50, 8)) as pilot:
        app.table.update([Row("r", ("left", "right"))])
        await pilot.pause()
        assert "BBB" not in screen_lines(app)[0].split("AAA")[1][:30]
        for _ in range(5):
            await pilot.press("right")
        await until(pilot, lambda: screen_lines(app)[1].strip().startswith("right"))
        assert screen_lines(app)[0].index("BBB") == screen_lines(app)[1].index("right")
        await pilot.press("h", "h", "h", "h", "h")
        await until(pilot, lambda: screen_lines(app)[1].strip().startswith("left"))


async def test_one_changed_row_is_the_only_one_drawn() -> None:
    app = Showing()
    async with app.run_test(size=(100, 30)) as pilot:
        app.table.update(row(n) for n in range(1000))
        await until(pilot, lambda: len(app.table.drawn) >= 29)
        app.table.drawn.clear()
        app.table.update(row(n, count=int(n == 5)) for n in range(1000))
        await until(pilot, lambda: screen_lines(app)[6].split()[2] == "1")
        assert app.table.drawn == ["r5"]
        app.table.drawn.clear()
        app.table.update(row(n, count=int(n == 5)) for n in range(1000))
        await pilot.pause()
        assert app.table.drawn == []
        app.table.update(row(n, count=int(n == 5 or n > 500)) for n in range(1000))
        await pilot.pause()
        assert app.table.drawn == [], "what is out of view is not drawn"
        await pilot.press("end")
        await until(pilot, lambda: screen_lines(app)[-1].split()[2] == "1")


async def test_all_rows_changed_draws_a_screenful() -> None:
    app = Showing()
    async with app.run_test(size=(100, 30)) as pilot:
        app.table.update(row(n) for n in range(1000))
        await pilot.pause()
        app.table.drawn.clear()
        app.table.update(row(n, count=1) for n in range(1000))
        await until(pilot, lambda: screen_lines(app)[1].split()[2] == "1")
        assert len(app.table.drawn) == 29


async def test_moving_the_cursor_draws_two_rows() -> None:
    app = Showing()
    async with app.run_test(size=(100, 30)) as pilot:
        app.table.update(row(n) for n in range(1000))
        await pilot.pause()
        app.table.drawn.clear()
        await pilot.press("j")
        await pilot.pause()
        assert sorted(app.table.drawn) == ["r0", "r1"]


async def test_scrolling_draws_only_what_comes_into_view() -> None:
    app = Showing()
    async with app.run_test(size=(100, 30)) as pilot:
        app.table.update(row(n) for n in range(1000))
        await pilot.pause()
        app.table.drawn.clear()
        app.table.scroll_to(y=2, animate=False, force=True)
        await until(pilot, lambda: screen_lines(app)[1].strip().startswith("name-2"))
        assert sorted(app.table.drawn) == ["r29", "r30"]


async def test_a_change_of_colour_alone_is_seen() -> None:
    app = Showing((Column("c", "C", width=10),))
    async with app.run_test(size=(40, 6)) as pilot:
        for style in ("red", "blue"):
            app.table.update([Row("r", (Content("word").stylize(style),))])
            await pilot.pause()
            word = next(seg for seg in screen_strips(app)[1] if "word" in seg.text)
            assert word.style is not None
            assert word.style.color is not None
            assert word.style.color.get_truecolor() == {"red": (255, 0, 0), "blue": (0, 0, 255)}[style]


async def test_text_from_outside_is_not_markup() -> None:
    app = Showing((Column("c", "[b]C[/b]", width=30), Column("d", "D", width=30)))
    async with app.run_test(size=(80, 6)) as pilot:
        app.table.update([Row("r", ("[red]plain[/red] [@click=app.bell]x[/]", Text("[b]text[/b]")))])
        await pilot.pause()
        assert screen_lines(app)[0].split() == ["[b]C[/b]", "D"]
        assert screen_lines(app)[1].startswith("  [red]plain[/red] [@click=app.… [b]text[/b]")


async def test_a_new_theme_reaches_rows_already_drawn() -> None:
    app = Showing()
    async with app.run_test(size=(80, 10)) as pilot:
        app.table.update(row(n) for n in range(3))
        await pilot.pause()
        before = {str(seg.style) for seg in screen_strips(app)[2]}
        app.theme = "textual-light"
        await until(pilot, lambda: {str(seg.style) for seg in screen_strips(app)[2]}.isdisjoint(before))


async def test_without_colour_the_cursor_is_reversed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Showing()
    async with app.run_test(size=(80, 10)) as pilot:
        app.table.update(row(n) for n in range(3))
        await pilot.press("j", "space")
        await until(pilot, lambda: "●" in screen_text(app))
        reversed_lines = [
            number
            for number, strip in enumerate(screen_strips(app))
            if any(seg.style is not None and seg.style.reverse for seg in strip)
        ]
        assert reversed_lines == [3]
        for strip in screen_strips(app):
            for segment in strip:
                assert segment.style is not None
                for color in (segment.style.color, segment.style.bgcolor):
                    assert color is None or len(set(color.get_truecolor())) == 1, "grey only"


async def test_resizing_keeps_the_cursor_in_view() -> None:
    app = Showing()
    async with app.run_test(size=(100, 40)) as pilot:
        app.table.update(row(n) for n in range(200))
        for _ in range(30):
            await pilot.press("j")
        await pilot.resize_terminal(60, 12)
        await until(pilot, lambda: "name-30" in screen_text(app))
        assert all(strip.cell_length == 60 for strip in screen_strips(app))
