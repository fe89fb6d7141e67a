"""The text of each screen, beside what it was when somebody last looked at it and found it right.

    BOSSCTL_GOLDEN=write pytest tests/tui/test_golden.py

writes it anew; the difference is then looked at and committed. What differs from run to run (ages, costs, versions,
sizes) is replaced by a sign, together with the blanks beside it.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bossctl.tui.screens.base import BossScreen
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.log import LogScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.screens.schedules import SchedulesScreen
from bossctl.tui.screens.system import SystemScreen
from bossctl.tui.screens.workers import WorkersScreen
from tests.conftest import BossFactory, DatabaseFactory
from tests.tui.app_support import LARGE, SMALL, Driver, opened_on, running
from tests.tui.golden_data import FAILED, small_shop

GOLDEN = Path(__file__).parent / "golden"
SCREENS: tuple[tuple[str, str, type[BossScreen]], ...] = (
    ("queues", "queues", QueuesScreen),
    ("queue", "queue mail", QueueScreen),
    ("jobs", "jobs queue:mail", JobsScreen),
    ("job", f"job {FAILED}", JobScreen),
    ("findings", "findings", FindingsScreen),
    ("schedules", "schedules", SchedulesScreen),
    ("workers", "workers", WorkersScreen),
    ("system", "system", SystemScreen),
    ("log", "log", LogScreen),
)
VOLATILE = re.compile(
    r"\b20\d\d-[-\d]*[ T]?[\d:]*…|(\d{4}-)?\d\d-\d\d[ T]\d\d:\d\d(:\d\d)?( UTC|Z| [A-Z]{3,4}\b)?|\b\d\d:\d\d(:\d\d)?Z?"
    r"|\b20\d\d-\d\d-\d\d\b"
    r"|\b(?!0{8})[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b(?!0{8})[0-9a-f]{8}\b"
    r"|<?\b(\d+(\.\d+)?(ms|s|m|h|d|w))+\b|\b\d+(\.\d+)? ?(min|kB|MB|GB|bytes|B)\b|·*[▁-█]+·*|·{8,}"
    r"|\bqueue_stats_\d+…?"
)
FIGURES = re.compile(rf"{VOLATILE.pattern}|[<~]?\b\d+(\.\d+)*%?")
"""For screens that show what machine and server happen to be."""
WITH_FIGURES = ("workers", "system")
ENDS = re.compile(r"…|  +")


def masked(line: str, number: int, volatile: re.Pattern[str]) -> str:
    """A line without what differs from run to run; of the header only how each of its two lines begins."""
    if number < 2:
        return ENDS.split(line)[0]
    line = line.replace(platform.node(), "HOST")
    if not volatile.search(line):
        return line.rstrip()
    return re.sub(r"\s+", " ", volatile.sub("~", line)).rstrip()


async def drawn(driver: Driver, volatile: re.Pattern[str]) -> Iterator[str]:
    """What is on the terminal, once two looks at it show the same."""
    before: list[str] = []
    while (now := [masked(line, number, volatile) for number, line in enumerate(driver.lines)]) != before:
        before = now
        await driver.pilot.pause(0.3)
    return iter(now)


@pytest.mark.parametrize("size", [pytest.param(SMALL, marks=pytest.mark.matrix), LARGE], ids=["80x24", "140x40"])
async def test_screens_look_as_they_did(
    size: tuple[int, int],
    database: DatabaseFactory,
    boss: BossFactory,
    subtests: pytest.Subtests,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    db = await small_shop(database, boss)
    async with running(db.dsn, size=size, refresh=3600) as driver:
        for name, line, kind in SCREENS:
            await opened_on(driver, line, kind)
            text = "\n".join(await drawn(driver, FIGURES if name in WITH_FIGURES else VOLATILE)) + "\n"
            path = GOLDEN / f"{name}-{size[0]}x{size[1]}.txt"
            if os.environ.get("BOSSCTL_GOLDEN") == "write":
                path.write_text(text, encoding="utf-8")
            with subtests.test(name):
                assert text == path.read_text(encoding="utf-8")
