"""Tables: plain for programs, fitted for terminals."""

from __future__ import annotations

import re

import pytest

from bossctl.cli.table import Cell, Column, Table, fitted, plain, state_cell
from bossctl.cli.views.services import SCHEDULE_COLUMNS
from bossctl.format import cell_width

ID = "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e"
COLUMNS = (
    Column("ID", whole=True),
    Column("QUEUE", least=12),
    Column("COUNT", right=True),
    Column("NOTE", rank=1),
    Column("MORE", rank=2),
)
LONG = "a rather long text that no narrow terminal can hold"
ROWS = [(ID, "queue-" + "x" * 60, "1,234,567", LONG, LONG), (ID, "short", "1", "", "-")]
TABLE = Table(COLUMNS, ROWS)
SGR = re.compile(r"\x1b\[[0-9;]*m")


def test_plain_is_whole_aligned_and_bare() -> None:
    lines = plain(TABLE).splitlines()
    assert len(lines) == 3
    for row, line in zip(ROWS, lines[1:], strict=True):
        assert all(cell in line for cell in row)
    assert lines[0].index("QUEUE") == lines[1].index("queue-")
    assert lines[1].index("1,234,567") + 9 == lines[2].index("1  ") + 1
    assert not [line for line in lines if line != line.rstrip()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 300])
@pytest.mark.parametrize("colour", [True, False])
def test_fitted_keeps_ids_and_numbers_on_one_line_each(width: int, colour: bool) -> None:
    text = fitted(TABLE, width, colour=colour)
    lines = SGR.sub("", text).splitlines()
    assert len(lines) == 3
    assert all(ID in line for line in lines[1:])
    assert "1,234,567" in lines[1]
    least = 36 + 2 + 12 + 2 + 9
    assert max(map(cell_width, lines)) <= max(width, least)
    assert ("\x1b" in text) == colour


def test_the_dearest_columns_go_first() -> None:
    assert "MORE" in fitted(TABLE, 140, colour=False)
    narrow = fitted(TABLE, 72, colour=False)
    assert "NOTE" in narrow
    assert "MORE" not in narrow
    assert "NOTE" not in fitted(TABLE, 61, colour=False)


@pytest.mark.parametrize(
    "text", ["\x1b[31mred", "\x9b31m", "[bold red]markup[/]", "a\nb\tc", "\u202edrow", "日本語 🧨"]
)
def test_text_of_the_database_is_neither_escape_nor_markup(text: str) -> None:
    table = Table((Column("NAME"),), [(text,)])
    for drawn in (plain(table), fitted(table, 80, colour=False)):
        assert len(drawn.splitlines()) == 2
        assert not set("\x1b\x9b\u202e\t") & set(drawn)
    if text.startswith("[bold"):
        assert text in fitted(table, 80, colour=True)


def test_wide_letters_are_measured_in_cells() -> None:
    lines = plain(Table((Column("A"), Column("B")), [("日本", "x"), ("abcd", "y")])).splitlines()
    assert cell_width(lines[1].partition("x")[0]) == cell_width(lines[2].partition("y")[0])


def test_cells_in_parts_keep_their_colours() -> None:
    table = Table((Column("BAR", whole=True),), [(Cell.of([("ab", "red"), ("", "blue"), ("c", "green")]),)])
    assert "\x1b[31mab\x1b[0m\x1b[32mc\x1b[0m" in fitted(table, 80, colour=True)


def test_states_have_colours_and_unknown_ones_do_not_break() -> None:
    assert state_cell("failed").style
    assert state_cell("new-state-of-a-newer-pg-boss").style == ""


@pytest.mark.parametrize("cron", ["*/5 * * * *", "1," * 50_000 + "2 * * * *"])
def test_a_long_cron_is_cut_on_a_terminal(cron: str) -> None:
    row = ("nightly", "-", cron, "UTC", "2026-01-01 00:00", ID, "completed", "0 of 9")
    lines = fitted(Table(SCHEDULE_COLUMNS, [row]), 120, colour=False).splitlines()
    assert max(map(cell_width, lines)) <= 120
    assert (cron in lines[1]) == (len(cron) < 24)
