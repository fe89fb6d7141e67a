"""What is left out where there is little room: whole parts of a line, whole names of panes, never half a word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from textual.app import App, ComposeResult
from textual.content import Content

from bossctl.models.common import Target
from bossctl.tui.chrome import Header, whole_parts
from bossctl.tui.look import frame_variables
from bossctl.tui.panes import PaneStrip
from tests.tui.widget_apps import screen_lines

SUMMARY = "12 errors, 19 warnings, 3 info · 40 checks (7 skipped)"


@pytest.mark.parametrize(
    ("room", "shown"),
    [
        (80, SUMMARY),
        (45, "12 errors, 19 warnings, 3 info · 40 checks"),
        (41, "12 errors, 19 warnings, 3 info"),
        (10, "12 errors"),
        (5, "12 …"),
        (2, ""),
        (0, ""),
    ],
)
def test_a_line_ends_with_a_whole_part(room: int, shown: str) -> None:
    assert whole_parts(SUMMARY, room) == shown


TARGET = Target("db.example.org", 5432, "shop", "ops", "pgboss", "BOSSCTL_DSN")


class Head(App[None]):
    CSS = "Header { height: 2; }"

    def get_css_variables(self) -> dict[str, str]:
        variables = super().get_css_variables()
        return {**variables, **frame_variables(None, variables)}

    def compose(self) -> ComposeResult:
        yield Header()


@pytest.mark.parametrize(
    ("width", "target", "first", "second"),
    [
        (
            105,
            TARGET,
            " bossctl  db.example.org:5432/shop · schema pgboss (BOSSCTL_DSN)",
            " Queue mail  ✗ 12 errors   policy standard · job_common   supervisor 1m40s ago · 5ms · 1s ago · every 2s",
        ),
        (
            90,
            TARGET,
            " bossctl  db.example.org:5432/shop · schema pgboss (BOSSCTL_DSN)",
            " Queue mail  ✗ 12 errors   policy standard · job_common  sup 1m · 5ms · 1s ago · every 2s",
        ),
        (
            80,
            TARGET,
            " bossctl  db.example.org:5432/shop · schema pgboss (BOSSCTL_DSN)",
            " Queue mail  ✗ 12   policy standard · job_common        5ms · 1s ago · every 2s",
        ),
        (
            60,
            TARGET,
            " bossctl  …ple.org:5432/shop · schema pgboss (BOSSCTL_DSN)",
            " Queue mail  ✗ 12   policy standard 5ms · 1s ago · every 2s",
        ),
        (
            56,
            replace(TARGET, read_only=True),
            " bossctl  …e.org:5432/shop · schema pgboss (read-only)",
            " Queue mail  ✗ 12   policy standard   1s ago · every 2s",
        ),
        (
            51,
            replace(TARGET, read_only=True),
            " bossctl  …:5432/shop · schema pgboss (read-only)",
            " Queue mail  ✗ 12   policy …     1s ago · every 2s",
        ),
        (42, TARGET, " bossctl  …org:5432/shop · schema pgboss", " Queue mail  ✗ 12       1s ago · every 2s"),
    ],
)
async def test_the_header(width: int, target: Target, first: str, second: str) -> None:
    app = Head()
    async with app.run_test(size=(width, 4)) as pilot:
        header = app.query_one(Header)
        header.target, header.title, header.subtitle = target, "Queue mail", "policy standard · job_common"
        header.badge, header.status = Content("✗ 12 errors"), "5ms · 1s ago · every 2s"
        header.duty = ("supervisor 1m40s ago", "supervisor 1m", "sup 1m")
        await pilot.pause()
        assert screen_lines(app)[:2] == [first, second]


async def test_the_supervisor_gives_way_to_the_second_thing_to_say() -> None:
    app = Head()
    async with app.run_test(size=(80, 4)) as pilot:
        header = app.query_one(Header)
        header.title, header.subtitle = "Schedules", "3 · nobody passes over them: last pass 12h ago · 0 missed"
        header.badge, header.status, header.duty = Content("✗ 12 errors"), "5ms · 1s ago · every 5s", ("sup 12h",)
        await pilot.pause()
        assert screen_lines(app)[1] == (
            " Schedules  ✗ 12   3 · nobody passes over them          5ms · 1s ago · every 5s"
        )


async def test_an_age_stands_apart_from_the_sentence_before_it() -> None:
    app = Head()
    async with app.run_test(size=(80, 4)) as pilot:
        header = app.query_one(Header)
        header.title, header.subtitle, header.badge = "Jobs", "all · 1 marked", Content("✗ 1 error")
        header.status, header.duty = "<1ms · 5s ago · every 2s", ("no supervisor seen", "no supervisor")
        await pilot.pause()
        assert "all · 1 marked      no supervisor · <1ms" in screen_lines(app)[1]


async def test_the_schema_is_whole_before_much_of_the_host() -> None:
    app = Head()
    async with app.run_test(size=(34, 4)) as pilot:
        app.query_one(Header).target = TARGET
        await pilot.pause()
        assert screen_lines(app)[0] == " bossctl  …/shop · schema pgboss"


class Strip(App[None]):
    NAMES = ("all", "duplicates", "stuck", "settings", "schema")

    def __init__(self) -> None:
        super().__init__()
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        strip = PaneStrip(self.NAMES)
        strip.chosen = "all"
        yield strip

    def on_pane_strip_chosen(self, event: PaneStrip.Chosen) -> None:
        self.chosen.append(event.pane)
        self.query_one(PaneStrip).chosen = event.pane


async def test_panes_that_do_not_fit_are_reached_all_the_same() -> None:
    app = Strip()
    async with app.run_test(size=(32, 5)) as pilot:
        strip = app.query_one(PaneStrip)
        strip.styles.height = 1
        await pilot.pause()
        assert screen_lines(app)[0].rstrip() == "  All   Duplicates   Stuck ›"
        await pilot.click(offset=(27, 0))
        await pilot.pause()
        assert screen_lines(app)[0].rstrip() == "‹ Stuck   Settings   Schema"
        await pilot.click(offset=(15, 0))
        await pilot.click(offset=(0, 0))
        strip.chosen = "schema"
        await pilot.pause()
        assert screen_lines(app)[0].rstrip() == "‹ Stuck   Settings   Schema"
        await pilot.click(offset=(0, 0))
    assert app.chosen[0] == "settings"
    assert app.chosen[-1] == "duplicates"
    assert set(app.chosen) <= set(Strip.NAMES)
