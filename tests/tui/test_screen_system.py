"""System: what stands badly is shown where it stands, what may not be seen says so, each part by itself."""

from __future__ import annotations

import psycopg
import pytest

from bossctl.format import size, timestamp
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.system import SystemScreen
from tests.conftest import SeededFactory
from tests.seed.plan import PARTITIONED
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import LARGE, SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import reader, until
from tests.tui.test_screen_workers import flat

PARTS = ("duties", "migrations", "warnings", "indexes", "tables", "horizon")
HOSTILE = "[red]late\x1b[31m\u202ework[/red]"
SPOILED = """
    DROP INDEX job_common_i11;
    UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'pgboss.job_common_i15'::regclass;
    INSERT INTO bam (name, version, status, table_name, command, error) VALUES
      ('fetch', 46, 'failed', 'job_common', 'CREATE INDEX CONCURRENTLY job_common_i11 ON pgboss.job_common (name)',
       'deadlock detected'),
      ('later', 46, 'pending', 'job_common', 'CREATE INDEX CONCURRENTLY job_common_i99 ON pgboss.job_common (name)',
       NULL);
    UPDATE queue SET monitor_on = NULL WHERE name = 'mail'
"""


def text_of(driver: Driver, key: str) -> str:
    """All that a part tells, wherever the page is scrolled to."""
    section = screen(driver).section(key)
    assert section.part is not None, key
    return "\n".join(
        [section.part.sum, section.part.note, *("  ".join(map(str, row.cells)) for row in section.part.rows)]
    )


def screen(driver: Driver) -> SystemScreen:
    assert isinstance(driver.app.screen, SystemScreen)
    return driver.app.screen


async def go_to(driver: Driver, key: str) -> None:
    """To a part by the keyboard."""
    for _ in PARTS:
        here = screen(driver).section_here
        if here is not None and here.key == key:
            return
        await driver.press("tab")
    raise AssertionError(f"no way to {key}")


def spoil(db: Database) -> None:
    db.execute(SPOILED)
    db.execute("INSERT INTO warning (type, message, data) VALUES ('slow_query', %s, '{\"elapsed\": 1.50}')", [HOSTILE])
    db.execute("UPDATE job SET priority = priority WHERE name = %s", [PARTITIONED])
    db.execute("SELECT pg_stat_force_next_flush()")


def code_here(driver: Driver) -> str:
    """The check of the finding under the cursor."""
    return driver.cell(driver.table.cursor_key or "", "code")


async def test_what_stands_badly_is_shown_and_leads_on(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    spoil(db)
    with psycopg.connect(db.dsn, application_name="a report") as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM pg_class")
        async with running(db.dsn, size=SMALL, checkup_after=0) as driver:
            await opened_on(driver, "system", SystemScreen)
            await until(driver, lambda: driver.app.desk.checkup.value)
            assert list(screen(driver)._sections) == list(PARTS)

            # Duties and counters, by their stamps.
            cron = db.value("SELECT cron_on FROM version")
            assert timestamp(cron) in text_of(driver, "duties")
            oldest = db.value("SELECT min(monitor_on) FROM queue")
            assert f"counters, oldest  {(driver_age(driver, 'counters, oldest'))} ago  {timestamp(oldest)}" in text_of(
                driver, "duties"
            )
            assert "1 never counted" in text_of(driver, "duties")

            # Migrations: what failed first, with its error; the way to what doctor says.
            await go_to(driver, "migrations")
            table = screen(driver).section("migrations").table
            assert [plain(driver, "migrations", key)[:2] for key in table.keys] == [
                ("✗ failed", "job_common_i11"),
                ("… pending", "job_common_i99"),
            ]
            await until(driver, lambda: "deadlock detected" in flat(driver) and "▲ SCH03" in driver.text)
            await driver.press("enter")
            await driver.on(FindingsScreen)
            await driver.until(lambda: code_here(driver) == "SCH03")
            await driver.press("escape")
            await driver.on(SystemScreen)
            assert table.has_focus

            # Warnings, newest first: whatever is in them is only text.
            await go_to(driver, "warnings")
            await until(driver, lambda: '{"elapsed": 1.50}' in flat(driver))
            assert "[red]late" in driver.text
            assert "\x1b" not in driver.text
            assert "\u202e" not in driver.text

            # Indexes as SCH02 judges them, then the others with their sizes; a partition's queue.
            await go_to(driver, "indexes")
            shown = screen(driver).section("indexes").table
            assert {plain(driver, "indexes", key)[:2] for key in shown.keys[:2]} == {
                ("✗ missing", "job_common_i11"),
                ("✗ invalid", "job_common_i15"),
            }
            room = db.value("SELECT pg_relation_size('pgboss.job_common_pkey')")
            assert ("✓ valid", "job_common_pkey", "job_common", size(room)) in {
                plain(driver, "indexes", key)[:4] for key in shown.keys
            }
            await until(driver, lambda: "CREATE INDEX CONCURRENTLY" in flat(driver) or "REINDEX INDEX" in flat(driver))
            await driver.press("enter")
            await driver.on(FindingsScreen)
            await driver.until(lambda: code_here(driver) == "SCH02")
            await driver.press("escape")
            await driver.on(SystemScreen)

            # Tables: the dead rows of a partition, and on to its queue. A refresh keeps the cursor.
            await go_to(driver, "tables")
            partition = db.value("SELECT table_name FROM queue WHERE name = %s", [PARTITIONED])
            rooms = screen(driver).section("tables").table
            await driver.press("j")
            assert rooms.go_to(str(partition))
            before = screen(driver)._polls["tables"].value
            await driver.press("r")
            await until(driver, lambda: screen(driver)._polls["tables"].value is not before)
            assert rooms.cursor_key == partition
            dead = "SELECT pg_stat_get_dead_tuples(%s::regclass)"
            counted = db.value(dead, [f"pgboss.{partition}"])
            assert counted >= 300
            await until(driver, lambda: f"{counted} dead by the server's statistics" in flat(driver))
            await driver.press("o")
            assert (await driver.on(QueueScreen)).name_here == PARTITIONED
            await driver.press("escape")
            await driver.on(SystemScreen)

            # The horizon, and the page on a wide terminal: two columns.
            await go_to(driver, "horizon")
            await until(driver, lambda: f"session {holder.info.backend_pid} a report" in flat(driver))
            left, right = (screen(driver).section(key).region for key in ("duties", "indexes"))
            assert (left.x, left.bottom <= right.y) == (right.x, True)
            await driver.pilot.resize_terminal(*LARGE)
            await until(driver, lambda: screen(driver).section("indexes").region.x > LARGE[0] // 3)
            assert screen(driver).section("duties").region.y == screen(driver).section("indexes").region.y


def plain(driver: Driver, part: str, key: str) -> tuple[str, ...]:
    """The cells of a row as text."""
    return screen(driver).section(part).table.texts(key)


def driver_age(driver: Driver, key: str) -> str:
    """How old a stamp is said to be."""
    return plain(driver, "duties", key)[1].removesuffix(" ago")


@pytest.mark.parametrize("release", diagonal(["9.0.3", "10.4.2", "11.1.2", "12.27.0"], "10.4.2"))
async def test_what_a_schema_does_not_have_is_said_not_counted(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    async with running(db.dsn, size=(60, 20)) as driver:
        await opened_on(driver, "system", SystemScreen)
        has = {"migrations": "12.6.0", "warnings": "12.11.0"} if release != "12.27.0" else {}
        for key, since in has.items():
            section = screen(driver).section(key)
            await until(driver, lambda section=section: section.part is None and section.query_one(".note").display)
            await go_to(driver, key)
            assert f"which pg-boss has since {since}" in section._unseen
            await until(driver, lambda section=section: section.has_focus_within and "this schema" in flat(driver))
            assert not section.table.display
        assert "none missing or invalid" in text_of(driver, "indexes")
        assert timestamp(db.value("SELECT cron_on FROM version")) in text_of(driver, "duties")


async def test_each_part_is_hidden_by_itself(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    with reader(db) as dsn, psycopg.connect(db.dsn, application_name="another role's") as holder:
        holder.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        holder.execute("SELECT count(*) FROM pg_class")
        db.execute(f"REVOKE SELECT ON warning, bam FROM reader_{db.name}")
        async with running(dsn, size=SMALL) as driver:
            await opened_on(driver, "system", SystemScreen)
            await until(driver, lambda: screen(driver).about() == "3 of 6 parts hidden from this role")
            await go_to(driver, "warnings")
            await until(driver, lambda: "WARNINGS ?" in driver.text)
            hidden = screen(driver).section("warnings")._unseen
            assert "permission denied for table warning (GRANT SELECT ON ALL TABLES IN SCHEMA" in hidden
            rows = [plain(driver, "horizon", key) for key in screen(driver).section("horizon").table.keys]
            assert ("another role's", str(holder.info.backend_pid), "?") in [row[1:4] for row in rows]
            assert f"GRANT pg_read_all_stats TO reader_{db.name}" in text_of(driver, "horizon")
            section = screen(driver).section("indexes")
            assert section.part is None, (
                "without the migrations nobody can tell what is missing from what is being built"
            )
            assert f"queue {PARTITIONED}" in text_of(driver, "tables")

            # Once it is granted the part comes by itself.
            db.execute(f"GRANT SELECT ON warning TO reader_{db.name}")
            await until(driver, lambda: screen(driver).section("warnings").part is not None)
            assert "queue_backlog" in text_of(driver, "warnings")
            await until(driver, lambda: screen(driver).about() == "2 of 6 parts hidden from this role")
