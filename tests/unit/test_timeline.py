"""The timeline's drawing: places in proportion or honestly broken, every point told, nothing beyond the width."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bossctl.format import cell_width
from bossctl.tui.linefilter import ascii_only
from bossctl.tui.widgets.timeline import BREAK, FUTURE, NOW, Point, axis, column, plain

AT = datetime(2026, 1, 2, 14, 30, tzinfo=UTC)
WIDTHS = (58, 78, 108, 138, 298)


def at(**ago: float) -> datetime:
    return AT - timedelta(**ago)


EVEN = [
    Point(at(minutes=10), "●", "sent"),
    Point(at(minutes=5), "◐", "attempt 1 was fetched", line="run"),
    Point(at(minutes=-5), "◇", "expires", "future"),
]
FAILED = [
    Point(at(hours=3), "●", "sent"),
    Point(None, "?", "attempts 1 to 2 were fetched; their times are overwritten", "unknown"),
    Point(at(hours=2), "◐", "attempt 3 was fetched", line="run"),
    Point(at(hours=2, seconds=-3), "✗", "failed after 3 s: " + "no such mailbox " * 20, line="rest"),
    Point(at(days=-7), "◇", "deleted by maintenance any time after", "future"),
]
FOREVER = [
    Point(at(minutes=3), "●", "sent"),
    Point(None, "·", "waits for an unfinished parent"),
    Point(None, "»", "kept for ever", "future"),
]
CASES = {"even": EVEN, "failed": FAILED, "forever": FOREVER, "one": EVEN[:1]}


def drawn(points: list[Point], width: int = 138) -> list[str]:
    return plain(axis(points, AT, width))


def line_of(lines: list[str]) -> str:
    """The axis itself: the line with now on it."""
    [found] = [line for line in lines if NOW in line]
    return found


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("points", CASES.values(), ids=CASES.keys())
def test_no_line_is_wider_than_there_is_room(points: list[Point], width: int) -> None:
    for lines in (drawn(points, width), plain(column(points, AT, width))):
        assert max(map(cell_width, lines)) <= width
        assert all(any(one.text.split()[0] in line for line in lines) for one in points)


def test_equal_stretches_are_drawn_alike_and_to_scale() -> None:
    lines = drawn(EVEN)
    line = line_of(lines)
    places = [line.index(sign) for sign in ("●", "◐", NOW, "◇")]
    gaps = [b - a for a, b in itertools.pairwise(places)]
    assert max(gaps) - min(gaps) <= 1
    assert line.count(" 5m ") == 3
    assert lines[-1] == "to scale"


def test_what_is_not_in_proportion_is_broken_and_says_so() -> None:
    lines = drawn(FAILED)
    line = line_of(lines)
    assert f"{BREAK} 1h59m {BREAK}" in line
    assert f"{BREAK} 7d {BREAK}" in line
    assert "━ 3s ━" in line, "the finest stretch is whole, and drawn as a run"
    assert lines[-1].startswith("not to scale")


def test_what_is_to_come_is_told_apart_from_what_was() -> None:
    line = line_of(drawn(EVEN))
    past, future = line.split(NOW)
    assert FUTURE in future
    assert FUTURE not in past
    assert "◇" in future
    lines = drawn(EVEN)
    [label] = [one for one in lines if "expires" in one]
    assert lines.index(label) < lines.index(line_of(lines)), "above the axis"
    assert "14:35:00Z, in 5m" in label


def test_every_label_hangs_on_its_point() -> None:
    lines = drawn(FAILED)
    line = line_of(lines)
    for sign, words in (("●", "sent"), ("?", "attempts 1 to 2"), ("◐", "attempt 3"), ("✗", "failed after")):
        [label] = [one for one in lines if words in one]
        assert label.index("╰") == line.index(sign), words
        for between in lines[lines.index(line) + 1 : lines.index(label)]:
            assert between[line.index(sign)] == "│", words
    [deleted] = [one for one in lines if "deleted" in one]
    assert deleted.index("╮") == line.index("◇")


def test_an_unknown_moment_has_a_place_and_no_time() -> None:
    lines = drawn(FAILED)
    line = line_of(lines)
    assert line.index("●") < line.index("?") < line.index("◐")
    [label] = [one for one in lines if "attempts 1 to 2" in one]
    assert label.endswith("their times are overwritten")
    rows = plain(column(FAILED, AT, 138))
    assert rows[1].split()[:2] == ["?", "?"]


def test_a_long_text_is_cut_and_its_time_is_not() -> None:
    [label] = [one for one in drawn(FAILED, 78) if "failed" in one]
    assert label.endswith("…  12:30:03Z, 1h59m ago")


def test_points_of_one_moment_are_one_and_what_has_no_end_comes_last() -> None:
    lines = drawn([Point(at(minutes=1), "◐", "fetched", line="run"), Point(at(minutes=1), "•", "last heartbeat")])
    assert any("fetched; last heartbeat" in one for one in lines)
    line = line_of(drawn(FOREVER))
    assert line.index(NOW) < line.index("»")
    assert line.index("·") < line.index(NOW)


def test_the_list_tells_distance_and_what_lies_between() -> None:
    rows = plain(column(FAILED, AT, 138))
    assert rows[0].split() == ["●", "11:30:00Z", "3h", "ago", "sent"]
    assert "+1h" in rows[2]
    assert next(row for row in rows if NOW in row).split() == [NOW, "14:30:00Z", "+1h59m", "now"]
    narrow = plain(column(FAILED, AT, 46))
    assert narrow[:2] == ["● sent", "│   11:30:00Z  3h ago"]


def test_signs_stay_different_in_ascii() -> None:
    signs = ["●", "?", "◐", "✗", "◇", NOW, "▴", "•", "■", "!", "»"]
    assert len({ascii_only(sign) for sign in signs if sign not in ("◐", "»")}) == len(signs) - 2
    assert ascii_only(BREAK) == "/"
