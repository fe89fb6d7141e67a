"""Make the pictures of the README: every screen of the real app on the seeded database of the newest pg-boss.

    python -m screenshots.make

writes an SVG for each screen, and a PNG of the queues screen where cairosvg is installed (extra `screenshots`).
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from psycopg import sql

from bossctl.demo.server import running_server
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.log import LogScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.schedules import SchedulesScreen
from bossctl.tui.screens.system import SystemScreen
from bossctl.tui.screens.workers import WorkersScreen
from tests.support.bed import SETTINGS, Bed
from tests.support.database import Database
from tests.support.freshening import freshen
from tests.support.releases import NEWEST
from tests.tui.app_support import Driver, opened_on, running

HERE = Path(__file__).parent
SIZE = (132, 34)
NAME = "shop"
MONOSPACE = "'DejaVu Sans Mono', Menlo, Consolas, monospace"


def save(driver: Driver, name: str) -> None:
    """Write what is on the screen; fonts of the viewer's machine, nothing fetched from anywhere."""
    drawing = driver.app.export_screenshot(title="bossctl")
    drawing = re.sub(r"@font-face \{.*?\}\s*", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r"font-family: Fira Code[^;]*;", f"font-family: {MONOSPACE};", drawing)
    (HERE / f"{name}.svg").write_text(drawing, encoding="utf-8")


async def settle(driver: Driver) -> None:
    """Let a few readings pass, so that ages are there."""
    for _ in range(20):
        await driver.pilot.pause(0.1)


async def traffic(driver: Driver, database: Database) -> None:
    """Let jobs come and go for a dozen readings, so that trends have something to show."""
    for step in range(1, 13):
        database.execute("INSERT INTO job (name) SELECT 'imports' FROM generate_series(1, %s)", [step % 4])
        for queue, jobs in (("thumbnails", 1), ("imports", 2 * (step % 3))):
            database.execute(
                "UPDATE job SET state = 'completed', started_on = now(), completed_on = now() WHERE id IN"
                " (SELECT id FROM job WHERE name = %s AND state = 'created' ORDER BY created_on LIMIT %s)",
                [queue, jobs],
            )
        await driver.pilot.pause(0.6)


async def pictures(database: Database) -> None:
    """Visit every screen."""
    failed = database.value("SELECT id FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY created_on LIMIT 1")
    async with running(database.dsn, size=SIZE, refresh=0.5, checkup_after=1) as driver:
        await traffic(driver, database)
        save(driver, "queues")
        await driver.press("question_mark")
        await settle(driver)
        save(driver, "help")
        await driver.press("escape")
        for name, line, kind in (
            ("queue", "queue mail", QueueScreen),
            ("jobs", "jobs is:rerun OR state:failed", JobsScreen),
            ("job", f"job {failed}", JobScreen),
            ("findings", "findings", FindingsScreen),
            ("schedules", "schedules", SchedulesScreen),
            ("workers", "workers", WorkersScreen),
            ("system", "system", SystemScreen),
            ("log", "log", LogScreen),
        ):
            await opened_on(driver, line, kind)
            await settle(driver)
            save(driver, name)


def png() -> None:
    """The picture the README opens with, for places that do not show SVG."""
    try:
        import cairosvg
    except (ImportError, OSError):
        print("no cairosvg: queues.png is left as it was")  # noqa: T201
        return
    cairosvg.svg2png(url=str(HERE / "queues.svg"), write_to=str(HERE / "queues.png"), output_width=1600)


def main() -> None:
    """Build the database on a server of its own, draw, clean up."""
    with running_server(settings=SETTINGS, tcp=True) as server:
        where = {"host": "127.0.0.1", "port": str(server.tcp_port), "user": server.user, "password": server.password}
        bed = Bed(where)
        copy = bed.create(bed.seeded(NEWEST))
        bed.admin.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(copy), sql.Identifier(NAME)))
        database = Database(bed, NAME, NEWEST)
        freshen(database)
        asyncio.run(pictures(database))
        database.drop()
        bed.close()
    png()


if __name__ == "__main__":
    main()
