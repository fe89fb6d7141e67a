"""How long the widgets take, beside Textual's own table: `python -m tests.tui.measure_widgets`. Not a test.

Times are CPU time of the thread, from the call to the bytes for the terminal, so that a busy machine matters less.
"""

from __future__ import annotations

import asyncio
import gc
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from rich.text import Text
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from bossctl.models.common import Payload
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.json_view import JsonView
from bossctl.tui.widgets.rows import Row
from bossctl.tui.widgets.states import SparkCell, StateBar, StateCell
from bossctl.tui.widgets.table import LineTable
from tests.tui.widget_apps import GatedApp, until

T = TypeVar("T")
SIZE = (140, 40)
ROWS = 1000
COLUMNS = (
    Column("name", "QUEUE", width=24, min_width=12, max_width=40, fit=True),
    Column("policy", "POLICY", width=10),
    Column("bar", "STATES", width=24, flex=1),
    Column("ready", "READY", width=7, align="right"),
    Column("active", "ACTIVE", width=7, align="right"),
    Column("failed", "FAILED", width=7, align="right"),
    Column("oldest", "OLDEST", width=7, align="right"),
    Column("trend", "TREND", width=12),
    Column("state", "STATE", width=11),
)


def rows(seed: int) -> list[Row]:
    """A thousand queues with random numbers."""
    some = random.Random(seed)
    return [
        Row(
            f"q{n}",
            (
                f"queue-{n:04d}",
                "standard",
                StateBar(tuple(some.randint(0, 500) for _ in range(6))),
                *(str(some.randint(0, 9999)) for _ in range(3)),
                f"{some.randint(1, 59)}m",
                SparkCell(tuple(some.random() for _ in range(12))),
                StateCell(some.choice(("created", "active", "failed"))),
            ),
        )
        for n in range(ROWS)
    ]


def one_changed(base: Sequence[Row], ready: int) -> list[Row]:
    """A fresh snapshot in which one row differs."""
    snapshot = [Row(row.key, row.cells, row.tone) for row in base]
    cells = base[5].cells
    snapshot[5] = Row(base[5].key, (*cells[:3], str(ready), *cells[4:]))
    return snapshot


class Ours(GatedApp):
    def compose(self) -> ComposeResult:
        yield LineTable(COLUMNS)


class Stock(GatedApp):
    def compose(self) -> ComposeResult:
        yield DataTable(cursor_type="row")


class Viewer(GatedApp):
    def compose(self) -> ComposeResult:
        yield JsonView()


def paint(app: App[None]) -> None:
    """What Textual does between a refresh and the terminal."""
    screen = app.screen
    compositor = screen._compositor
    dirty = {widget for widget in screen.query("*") if widget._repaint_regions}
    compositor.update_widgets(dirty)
    update = compositor.render_update()
    if update is not None:
        app.console.print(end="")
        getattr(update, "render_segments", lambda console: "")(app.console)


async def timed(pilot: Pilot[None], times: int, prepare: Callable[[int], T], step: Callable[[T], None]) -> str:
    """Run a step so often; least, median and worst in milliseconds. What `prepare` makes is not kept."""
    taken: list[float] = []
    for number in range(times):
        given = prepare(number)
        begin = time.thread_time()
        step(given)
        paint(pilot.app)
        taken.append((time.thread_time() - begin) * 1000)
        await pilot.pause()
    taken.sort()
    return f"least {taken[0]:6.1f} ms   median {taken[times // 2]:6.1f} ms   worst {taken[-1]:6.1f} ms"


async def measure_ours() -> None:
    """The line table."""
    app = Ours()
    async with app.run_test(size=SIZE) as pilot:
        table = app.query_one(LineTable)
        base = rows(0)
        table.update(base)
        await pilot.pause()
        gc.collect()
        gc.freeze()
        say("LineTable", "1 of 1000 rows changed", await timed(pilot, 30, partial(one_changed, base), table.update))
        say("LineTable", "1000 rows changed", await timed(pilot, 30, rows, table.update))
        say("LineTable", "order reversed", await timed(pilot, 20, lambda n: rows(0)[:: 1 - n % 2 * 2], table.update))
        table.go_to(table.keys[0])
        await pilot.pause()
        say("LineTable", "cursor down", await timed(pilot, 30, lambda _: 1, table.action_cursor_by))
        say("LineTable", "page down", await timed(pilot, 20, lambda _: 1.0, table.action_cursor_page))


async def measure_stock() -> None:
    """Textual's own table with plain cells of the same width."""
    app = Stock()
    async with app.run_test(size=SIZE) as pilot:
        table = app.query_one(DataTable[Text])
        for column in COLUMNS:
            table.add_column(column.title, key=column.key, width=column.width)
        for number in range(ROWS):
            table.add_row(*(Text("x" * min(9, column.width)) for column in COLUMNS), key=f"q{number}")
        await pilot.pause()

        def every(seed: int) -> None:
            for number in range(ROWS):
                for column in COLUMNS:
                    table.update_cell(f"q{number}", column.key, Text(str(seed)))

        def one(seed: int) -> None:
            table.update_cell("q5", "ready", Text(str(seed)))

        say("DataTable", "1 of 1000 rows changed", await timed(pilot, 20, lambda n: n, one))
        say("DataTable", "1000 rows changed", await timed(pilot, 8, lambda n: n, every))


async def measure_json() -> None:
    """The longest turn of the event loop while 10 MB are opened, and how long until all lines are known."""
    people = [{"id": n, "name": f"user-{n}", "nested": {"x": None, "y": [1.5, True]}} for n in range(160_000)]
    texts = {
        "10 MB of rows": json.dumps(people),
        "10 MB in one string": json.dumps({"s": "x" * 10_000_000}),
        "10 MB log in one string": json.dumps({"log": "line of a log\n" * 660_000}),
        "64 kB of rows": json.dumps(people)[:65536],
    }
    del people
    gc.collect()
    gc.freeze()
    for name, text in texts.items():
        app = Viewer()
        async with app.run_test(size=SIZE) as pilot:
            turns: list[float] = []
            watcher = asyncio.create_task(_watch(turns))
            view = app.query_one(JsonView)
            begin, clock = time.thread_time(), time.perf_counter()
            view.show(Payload(text, len(text)))
            opened = (time.thread_time() - begin) * 1000
            await until(pilot, lambda view=view: view.lines.indexed, seconds=120)
            whole = time.perf_counter() - clock
            watcher.cancel()
            say(
                "JsonView",
                name,
                f"open {opened:6.1f} ms   longest turn {max(turns) * 1000:6.1f} ms   all {whole:5.1f} s",
            )


async def _watch(turns: list[float]) -> None:
    while True:
        before = time.thread_time()
        await asyncio.sleep(0)
        turns.append(time.thread_time() - before)


def say(widget: str, what: str, figures: str) -> None:
    """One line of the report."""
    sys.stdout.write(f"{widget:10} {what:26} {figures}\n")


async def main() -> None:
    """All of it."""
    await measure_ours()
    await measure_stock()
    await measure_json()


if __name__ == "__main__":
    asyncio.run(main())
