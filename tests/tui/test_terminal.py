"""The terminal UI in a real terminal: the main path, and a long stay under live workers."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.support.releases import NEWEST
from tests.support.terminal import END, Terminal, needs_tmux, terminal

pytestmark = needs_tmux
SOAK_SECONDS = float(os.environ.get("BOSSCTL_SOAK_SECONDS", "600"))
WARM_SECONDS = 120
GROWTH = 3 * 1024**2
PLACES = "12356789"
MOST = 75 * 1024**2
"""Resident bytes: what may come on top of a warm app, and the most there may be."""


@pytest.fixture
def window() -> Iterator[Terminal]:
    short = Path(tempfile.mkdtemp(prefix="tm-"))  # the path of a unix socket has room for a hundred characters
    with terminal(short) as opened:
        yield opened
    shutil.rmtree(short)


def open_tui(window: Terminal, dsn: str, home: Path, *arguments: str, size: tuple[int, int] = (120, 34)) -> None:
    environment = {"BOSSCTL_DSN": dsn, "TERM": "xterm-256color", "LANG": "C.UTF-8", "XDG_STATE_HOME": str(home)}
    window.start([sys.executable, "-m", "bossctl", "tui", *arguments], environment, size)


def test_the_main_path(window: Terminal, seeded: SeededFactory, tmp_path: Path) -> None:
    db = seeded(NEWEST)
    failed = db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'")
    open_tui(window, db.dsn, tmp_path)
    window.until("Queues", "mail", "thumbnails", "worst first")
    window.type("/mail")
    window.wait(lambda text: "thumbnails" not in text, "the filter")
    window.press("Enter")
    window.type("2")
    window.until("Queue mail", "policy standard")
    window.type(":jobs queue:mail state:failed")
    window.press("Enter")
    window.until("selected", f"{failed} jobs")
    window.press("Enter")
    window.until("✗ failed · queue mail")
    window.type("R")
    plan = window.until("1 job", "mail")
    assert "retry" in plan.lower()
    window.press("Escape")
    window.wait(lambda text: "Retry jobs" not in text, "the end of the dialog")
    window.type("5")
    window.until("Findings", "STK01")
    window.type("?")
    window.until("Command line")
    window.press("Escape")
    window.wait(lambda text: "Command line" not in text, "the end of the help")
    window.type("q")
    window.until(f"{END} 0")
    assert db.value("SELECT count(*) FROM job WHERE name = 'mail' AND state = 'failed'") == failed


@pytest.mark.matrix
@pytest.mark.timeout(SOAK_SECONDS + 300)
async def test_memory_stays_flat_under_live_workers(
    window: Terminal, database: DatabaseFactory, boss: BossFactory, tmp_path: Path
) -> None:
    """BOSSCTL_SOAK_SECONDS is how long; the figures go to stderr (pytest -s)."""
    db = database(NEWEST)
    workers = [await boss(db) for _ in range(4)]
    await workers[0].create_queue("live", retryLimit=1)
    for worker in workers:
        await worker.work("live", {"do": "sleep", "ms": 20}, batchSize=5)
    open_tui(window, db.dsn, tmp_path, "--refresh", "0.5")
    window.until("Queues", "live")
    resident: list[int] = []
    began = time.monotonic()
    while time.monotonic() - began < SOAK_SECONDS:
        step = len(resident)
        await workers[step % 4].insert("live", [{"data": {"step": step, "pad": "x" * 200}} for _ in range(50)])
        window.type(PLACES[step % len(PLACES)])
        resident.append(process_tree(window.process))
        await asyncio.sleep(2)
    window.type("q")
    window.until(f"{END} 0")
    warm = resident[min(len(resident) // 2, int(WARM_SECONDS / 2))]
    figures = ", ".join(f"{size / 1024**2:.1f}" for size in (resident[0], warm, resident[-1], max(resident)))
    sys.stderr.write(f"resident MiB at first, warm, at last, at most: {figures}\n")
    assert max(resident[-20:]) <= warm + GROWTH
    assert max(resident) <= MOST


def process_tree(process: psutil.Process) -> int:
    """Resident bytes of a program and what it started."""
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))
