"""Themes, no colour, ASCII only, a context's colour: what is seen of them on the terminal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.color_triplet import ColorTriplet
from textual.color import Color
from textual.filter import Monochrome
from textual.pilot import Pilot

from bossctl.cli.settings import Settings
from bossctl.cli.terminal import open_tui
from bossctl.config import COLORS
from bossctl.errors import UsageError
from bossctl.store import Store
from bossctl.tui.app import DARK, BossApp
from bossctl.tui.linefilter import InOne
from bossctl.tui.look import _FRAMES, HIGH_CONTRAST, THEMES, keep_theme, kept_theme
from bossctl.tui.screens.base import BossScreen
from bossctl.tui.setup import Setup
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, opener, running, spec
from tests.tui.widget_apps import screen_strips, screen_text


def everything(driver: Driver) -> str:
    return "\n".join(strip.text for strip in screen_strips(driver.app))


async def test_with_ascii_no_other_glyph_is_left_anywhere(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    job = db.value("SELECT id::text FROM job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])
    screens = [one.name for one in BossApp.COMMAND_LIST if one.id.startswith("go.") and not one.args]
    async with running(db.dsn, size=SMALL, setup=Setup(ascii_only=True), refresh=60) as driver:
        assert everything(driver).isascii(), "the first screen"
        assert "enter Open" in driver.lines[-1]
        driver.app.notify("↻ a toast – with “signs”", markup=False, timeout=60)
        await driver.until(lambda: "a toast" in driver.text)
        for line in (*screens, f"go.queue {BUSY}", f"job {job}", f"jobs queue:{BUSY}"):
            await driver.line(line)
            await driver.until(lambda: isinstance(driver.app.screen, BossScreen) and driver.has_read)
            assert everything(driver).isascii(), line
        here = driver.app.screen
        for key in ("question_mark", "colon", "ctrl+p", "at", "y", "E", "D"):
            await driver.press(key)
            await driver.until(lambda: driver.app.screen is not here and len(everything(driver).split()) > 20)
            assert everything(driver).isascii(), key
            await driver.press("escape")
            await driver.until(lambda: driver.app.screen is here)
        assert "? Help" in driver.lines[-1]


async def test_a_chosen_theme_is_kept_for_the_next_time(seeded: SeededFactory, tmp_path: Path) -> None:
    db, file = seeded(NEWEST), tmp_path / "state" / "theme.json"
    async with running(db.dsn, size=SMALL, setup=Setup(theme_file=file)) as driver:
        assert driver.app.theme == DARK
        assert not file.exists(), "nothing was chosen"
        await driver.line("theme nowhere")
        await driver.until(lambda: "there is no theme nowhere" in driver.text)
        await driver.line("theme high-contrast")
        await driver.until(lambda: file.exists())
    assert json.loads(file.read_text()) == {"theme": "high-contrast"}
    assert BossApp(opener(""), setup=Setup(theme_file=file)).theme == "high-contrast"
    assert BossApp(opener(""), setup=Setup(theme_file=file, theme="nord")).theme == "nord"
    for wrong in ('{"theme": "gone"}', "[]", "", "\x00"):
        file.write_text(wrong)
        assert kept_theme(file) is None
    keep_theme(tmp_path / "theme.json" / "under" / "a-file.json", "nord")
    (tmp_path / "a-file").touch()
    keep_theme(tmp_path / "a-file" / "theme.json", "nord")  # cannot be written: the app goes on all the same


def test_a_theme_or_setting_that_cannot_be_is_said_before_the_app_starts(tmp_path: Path) -> None:
    settings = Settings({"XDG_CONFIG_HOME": str(tmp_path)}, tmp_path)
    with pytest.raises(UsageError, match="there is no theme nope") as caught:
        open_tui(spec(""), settings, theme="nope")
    assert "high-contrast" in (caught.value.hint or "")
    (tmp_path / "bossctl").mkdir()
    for text, said in (
        ('[tui]\ntheme = "nope"', "there is no theme nope"),
        ('[tui]\nthem = "nord"', "unknown key `them`"),
        ("[tui]\nascii = 1", "`ascii` in .* must be true or false"),
        ("[tui]\nrefresh = 0.1", "between 0.2 and 3600"),
        ("tui = 1", "must be a table"),
    ):
        (tmp_path / "bossctl" / "config.toml").write_text(text)
        with pytest.raises(UsageError, match=said):
            open_tui(spec(""), settings)


def ratio(one: ColorTriplet, other: ColorTriplet) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: ColorTriplet) -> float:
    parts = [part / 255 for part in colour]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def faintest(driver: Driver, region: slice) -> tuple[float, str]:
    """The lowest contrast of any word within some lines."""
    found = [(21.0, "")]
    for strip in screen_strips(driver.app)[region]:
        for segment in strip:
            style = segment.style
            if style and style.color and style.bgcolor and any(map(str.isalnum, segment.text)):
                colours = style.color.get_truecolor(), style.bgcolor.get_truecolor()
                found.append((ratio(*colours), segment.text))
    return min(found)


async def test_the_theme_of_high_contrast_keeps_its_promise(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, setup=Setup(theme="high-contrast"), refresh=60) as driver:
        assert HIGH_CONTRAST.name in THEMES
        for line in ("queues", f"go.queue {BUSY}", "jobs", "findings"):
            await driver.line(line)
            await driver.until(lambda: isinstance(driver.app.screen, BossScreen) and driver.has_read)
            await driver.pilot.pause()
            assert faintest(driver, slice(0, 2))[0] >= 7, line
            assert faintest(driver, slice(-1, None))[0] >= 7, line
            assert faintest(driver, slice(None))[0] >= 4.5, (line, faintest(driver, slice(None)))


def coloured(pilot_spec: str, colour: str, context: str = "prod") -> BossApp:
    """An app on a context with a colour."""

    async def opened() -> tuple[Store, object, object]:
        store = await Store.open(replace(spec(pilot_spec), context=context, color=colour), pooled=True)
        return store, None, None

    return BossApp(opened, refresh=60, checkup_after=None)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("plain", [False, True], ids=["colour", "NO_COLOR"])
async def test_a_context_colours_the_frame_and_says_its_name(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    if plain:
        monkeypatch.setenv("NO_COLOR", "1")
    app = coloured(seeded(NEWEST).dsn, "red")
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        driver = Driver(app, pilot)
        await driver.until(lambda: app.desk.info is not None and "PROD" in screen_text(app))
        await driver.until(lambda: "QUEUE" in driver.text)
        head, foot = background(pilot, 0), background(pilot, -1)
        assert head == foot
        assert (head.r == head.g == head.b) if plain else (head.r > 3 * max(head.g, head.b))
        assert faintest(driver, slice(0, 1))[0] >= 4.5
        for theme in ("textual-light", "high-contrast", "ansi-dark", "dracula"):
            app.theme = theme
            await pilot.pause()
            assert "PROD" in screen_text(app)


def background(pilot: Pilot[None], line: int) -> Color:
    """The colour behind the last cell of a line."""
    style = list(screen_strips(pilot.app)[line])[-1].style
    assert style is not None
    assert style.bgcolor is not None
    return Color(*style.bgcolor.get_truecolor())


def test_every_colour_of_a_context_bears_white_text() -> None:
    assert tuple(_FRAMES) == COLORS
    for name, code in _FRAMES.items():
        assert ratio(ColorTriplet(*Color.parse(code).rgb), ColorTriplet(255, 255, 255)) >= 6, name


@pytest.mark.parametrize(("value", "grey"), [("", False), ("1", True), (None, False)])
def test_an_empty_no_color_is_as_good_as_none(value: str | None, grey: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    if value is not None:
        monkeypatch.setenv("NO_COLOR", value)
    app = BossApp(opener(""))
    assert app.no_color is grey
    (filters,) = app.get_line_filters()
    assert isinstance(filters, InOne)
    assert any(isinstance(one, Monochrome) for one in filters.filters) is grey


async def test_no_color_can_be_asked_for_by_flag(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL, setup=Setup(color_off=True)) as driver:
        colours = {
            colour.triplet
            for strip in screen_strips(driver.app)
            for segment in strip
            if segment.style
            for colour in (segment.style.color, segment.style.bgcolor)
            if colour is not None and colour.triplet is not None
        }
        assert all(one.red == one.green == one.blue for one in colours)
        assert "✗✗" in driver.text or "✗" in driver.text
