"""States by colour and shape: the palette, the bar in a cell, the large histogram, the legend."""

from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import ComposeResult
from textual.color import Color
from textual.message import Message

from bossctl.models.common import UNKNOWN, Count, Truth
from bossctl.models.queues import STATES
from bossctl.tui.linefilter import ASCII, ascii_only
from bossctl.tui.widgets.histogram import StateHistogram, StateLegend, StatePicked
from bossctl.tui.widgets.rows import Canvas
from bossctl.tui.widgets.states import (
    GLYPHS,
    SparkCell,
    StateBar,
    StateCell,
    legend,
    state_colour,
    state_glyph,
    values,
)
from tests.tui.widget_apps import GatedApp, screen_lines, screen_strips, until

# Machado, Oliveira and Fernandes 2009, severity 1.
SIGHT = {
    "normal": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protan": ((0.1523, 1.0526, -0.2049), (0.1145, 0.7863, 0.0992), (-0.0039, -0.0481, 1.0520)),
    "deutan": ((0.3673, 0.8606, -0.2280), (0.2801, 0.6725, 0.0474), (-0.0118, 0.0429, 0.9689)),
    "tritan": ((1.2555, -0.0767, -0.1788), (-0.0784, 0.9308, 0.1476), (0.0047, 0.6914, 0.3039)),
}


def linear(color: Color) -> tuple[float, ...]:
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color.normalized)


def luminance(color: Color) -> float:
    """Relative luminance as WCAG defines it."""
    red, green, blue = linear(color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def seen(color: Color, sight: str) -> tuple[float, float, float]:
    """OKLab coordinates of a colour as somebody with this sight sees it."""
    source = linear(color)
    mixed = (sum(a * b for a, b in zip(row, source, strict=True)) for row in SIGHT[sight])
    r, g, b = (min(1.0, max(0.0, value)) for value in mixed)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    mid = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * mid - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * mid + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * mid - 0.8086757660 * short,
    )


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("dark", [True, False])
def test_states_can_be_told_apart_by_everybody(sight: str, dark: bool) -> None:
    for one, other in combinations(STATES, 2):
        first, second = state_colour(one, dark=dark), state_colour(other, dark=dark)
        assert first is not None
        assert second is not None
        assert 100 * math.dist(seen(first, sight), seen(second, sight)) >= 8, (one, other)


@pytest.mark.parametrize(("dark", "backgrounds"), [(True, ("#1e1e1e", "#121212")), (False, ("#d8d8d8", "#ffffff"))])
def test_states_stand_out_from_the_background(dark: bool, backgrounds: tuple[str, ...]) -> None:
    for state in STATES:
        color = state_colour(state, dark=dark)
        assert color is not None
        for background in backgrounds:
            dim, bright = sorted((luminance(color), luminance(Color.parse(background))))
            assert (bright + 0.05) / (dim + 0.05) >= 3, (state, background)


def test_every_state_has_a_sign_of_its_own_even_in_ascii() -> None:
    assert set(GLYPHS) == set(STATES)
    assert len({GLYPHS[state] for state in STATES}) == 6
    assert len({ascii_only(GLYPHS[state]) for state in STATES}) == 6
    assert all(GLYPHS[state] in ASCII for state in STATES), "a stand-in, not a question mark"


def test_expired_is_a_failure_and_the_unknown_is_unknown() -> None:
    assert state_glyph("expired") == GLYPHS["failed"]
    assert state_colour("expired", dark=True) == state_colour("failed", dark=True)
    assert state_glyph("paused") == "?"
    assert StateCell("paused").paint(Canvas(12)).plain == "? paused"


counts = st.lists(st.one_of(st.none(), st.integers(0, 10**7)), min_size=6, max_size=6).map(tuple)


@settings(deadline=None)
@given(counts, st.integers(1, 80), st.booleans())
def test_a_bar_is_as_wide_as_its_cell_and_hides_nothing(
    numbers: tuple[int | None, ...], width: int, colour: bool
) -> None:
    bar = StateBar(numbers)
    content = bar.paint(Canvas(width, colour=colour))
    some = any(numbers)
    unknown = None in numbers
    assert content.cell_length == (width if some and width > unknown else unknown)
    present = [state for state, number in zip(STATES, numbers, strict=True) if number]
    if width - unknown >= len(present):
        assert [state for state in STATES if GLYPHS[state] in content.plain] == present
    assert ("?" in content.plain) == unknown
    for x in range(width):
        state = bar.state_at(x, width)
        if colour and state is not None:
            assert any(span.start <= x < span.end for span in content.spans)
    assert bar.state_at(width, width) is None


def test_a_bar_without_colour_repeats_its_signs() -> None:
    bar = StateBar((0, 0, 1, 3, 0, 1))
    assert bar.paint(Canvas(10, colour=False)).plain == "◐◐✓✓✓✓✓✓✗✗"
    assert bar.paint(Canvas(10)).plain == "◐ ✓     ✗ "
    assert [bar.state_at(x, 10) for x in (0, 2, 7, 9)] == ["active", "completed", "completed", "failed"]


def test_unknown_is_never_zero() -> None:
    assert StateBar((None,) * 6).paint(Canvas(8)).plain == "?"
    assert StateBar((0,) * 6).paint(Canvas(8)).plain == ""
    assert values({"failed": Count(4, Truth.EXACT), "active": UNKNOWN}) == (None, None, None, None, None, 4)


def test_sparkline_shows_the_latest() -> None:
    assert SparkCell((9, 9, 0, None, 4)).paint(Canvas(3)).plain == "▁ █"
    assert SparkCell((1,)).paint(Canvas(4)).plain == "   █"


def test_the_legend_gets_shorter() -> None:
    assert legend(Canvas(80)).plain == "○ created  ↻ retry  ◐ active  ✓ completed  ⊘ cancelled  ✗ failed"
    assert legend(Canvas(59)).plain == "○ created ↻ retry ◐ active ✓ completed ⊘ cancelled ✗ failed"
    for width in (66, 58, 50, 16):
        assert legend(Canvas(width)).cell_length <= width
    assert legend(Canvas(80), (1, 0, None, 0, 0, 2)).plain == "○ created  ◐ active  ✗ failed"


class Shown(GatedApp):
    def __init__(self) -> None:
        super().__init__()
        self.picked: list[Message] = []

    def compose(self) -> ComposeResult:
        yield StateHistogram(id="histogram")
        yield StateLegend(id="legend")

    def on_state_picked(self, event: StatePicked) -> None:
        self.picked.append(event)


COUNTS = {
    "created": Count(1234, Truth.EXACT),
    "retry": Count(0, Truth.EXACT),
    "active": Count(1, Truth.EXACT),
    "completed": Count(1_000_000, Truth.ESTIMATE),
    "failed": Count(250_000, Truth.CACHED, 12.0),
}


async def test_the_large_histogram() -> None:
    app = Shown()
    async with app.run_test(size=(100, 12)) as pilot:
        histogram = app.query_one(StateHistogram)
        histogram.counts = COUNTS
        await until(pilot, lambda: "1 234" in screen_lines(app)[0])
        lines = screen_lines(app)
        assert lines[0].split()[:5] == ["○", "created", "1", "234", "<1%"]
        assert lines[1].endswith("0%"), "no bar for none"
        assert lines[2].count("█") == 1, "a bar for one among a million"
        assert "~1 000 000" in lines[3]
        assert lines[4].split() == ["⊘", "cancelled", "?", "?"], "unknown is not zero"
        assert lines[5].count("█") == lines[3].count("█") // 4
        await pilot.click("#histogram", offset=(50, 5))
        await pilot.click("#legend", offset=(13, 0))
        states = [event.state for event in app.picked if isinstance(event, StatePicked)]
        assert states == ["failed", "retry"]


@pytest.mark.parametrize("width", [300, 80, 60, 40])
async def test_the_large_histogram_fits(width: int) -> None:
    app = Shown()
    async with app.run_test(size=(width, 12)) as pilot:
        app.query_one(StateHistogram).counts = COUNTS
        await until(pilot, lambda: "1 234" in screen_lines(app)[0])
        assert all(strip.cell_length == width for strip in screen_strips(app))
        assert [line.split()[1] for line in screen_lines(app)[:6]] == list(STATES)


async def test_without_colour_shape_remains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = Shown()
    async with app.run_test(size=(80, 12)) as pilot:
        app.query_one(StateHistogram).counts = COUNTS
        await until(pilot, lambda: screen_lines(app)[3].count("✓") > 20)
        assert screen_lines(app)[5].count("✗") > 5
