"""Findings: the list, the detail, the ways on, and checks that were kept from looking."""

from __future__ import annotations

import pytest
from psycopg.conninfo import make_conninfo

from bossctl.models.findings import Status
from bossctl.tui.screens.findings import FindingsScreen
from bossctl.tui.screens.queue import QueueScreen
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, opened_on, running


@pytest.fixture
def db(seeded: SeededFactory) -> Database:
    return seeded(NEWEST)


async def test_the_detail_follows_the_cursor_and_leads_to_the_queue(db: Database) -> None:
    async with running(db.dsn) as driver:
        screen = await opened_on(driver, "findings", FindingsScreen)
        assert screen.report is not None
        await driver.until(lambda: driver.table.keys)
        assert list(driver.table.keys)[: len(screen.report.findings)] == [
            one.fingerprint for one in screen.report.findings
        ], "in the order of the report"
        for finding in screen.report.findings[:3]:
            driver.table.go_to(finding.fingerprint)
            await driver.until(lambda finding=finding: f"{finding.code} {finding.slug}" in driver.text)
            text = " ".join(driver.text.split())
            assert " ".join(finding.why.split())[:60] in text
            assert finding.certainty.value in text
        mine = next(one for one in screen.report.findings if one.queue == BUSY)
        driver.table.go_to(mine.fingerprint)
        await driver.until(lambda: f"queue {BUSY}" in driver.text)
        await driver.press("o")
        queue = await driver.on(QueueScreen)
        assert queue.name_here == BUSY


async def test_the_cursor_stays_on_its_finding_when_doctor_runs_again(db: Database) -> None:
    async with running(db.dsn, size=SMALL) as driver:
        screen = await opened_on(driver, "findings", FindingsScreen)
        await driver.until(lambda: driver.table.keys)
        await driver.press("j", "j")
        here = driver.table.cursor_key
        first = screen.report
        await driver.press("r")
        await driver.until(lambda: screen.report is not first)
        assert driver.table.cursor_key == here


async def test_what_a_right_kept_from_being_looked_at_is_listed(db: Database) -> None:
    db.execute("CREATE ROLE half_blind LOGIN PASSWORD 'half_blind'")
    try:
        db.execute("GRANT USAGE ON SCHEMA pgboss TO half_blind")
        db.execute("GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO half_blind")
        db.execute("REVOKE SELECT ON schedule FROM half_blind")
        async with running(make_conninfo(db.dsn, user="half_blind", password="half_blind")) as driver:
            screen = await opened_on(driver, "findings", FindingsScreen)
            assert screen.report is not None
            refused = [
                check.code
                for check in screen.report.checks
                if check.status is Status.SKIPPED and (check.reason or "").startswith("privilege")
            ]
            assert refused
            assert f"{len(refused)} could not look" in driver.lines[1]
            assert driver.table.go_to(f"skipped {refused[0]}")
            await driver.until(lambda: "may not do this" in driver.text)
            elsewhere = [check.code for check in screen.report.checks if (check.reason or "").startswith("era")]
            assert not {f"skipped {code}" for code in elsewhere} & set(driver.table.keys)
    finally:
        db.execute("DROP OWNED BY half_blind")
        db.execute("DROP ROLE half_blind")
