"""Findings: families, the detail, the explanation, the ways on, the badge, and checks that did not look."""

from __future__ import annotations

import pytest
from psycopg.conninfo import make_conninfo

from bossctl.doctor import explain
from bossctl.format import clean
from bossctl.models.findings import Finding, Status
from bossctl.selector import Ids, to_text
from bossctl.tui.findingtexts import FAMILIES, family
from bossctl.tui.panes import PaneStrip
from bossctl.tui.places import JobsPlace
from bossctl.tui.remedies import Ensuring, way
from bossctl.tui.screens.action import ActionDialog
from bossctl.tui.screens.ensure import EnsureForm
from bossctl.tui.screens.findings import SKIPPED, FindingsScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.words import plural
from tests.conftest import SeededFactory
from tests.seed.hostile import NAMES_UP_TO_11
from tests.seed.plan import BUSY, DEAD_LETTER, STUCK
from tests.support.aging import age
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, diagonal, opened_on, running
from tests.tui.dialog_support import toasts


def flat(text: str) -> str:
    return " ".join(text.split())


async def on_finding(driver: Driver, finding: Finding) -> None:
    driver.table.go_to(finding.fingerprint)
    told = f"what {flat(clean(finding.message))[:50]}"
    await driver.until(lambda: f"{finding.code} {finding.slug}" in driver.text and told in flat(driver.text))


@pytest.mark.parametrize("release", diagonal(("9.0.3", "10.4.2", NEWEST), NEWEST))
async def test_all_of_a_report_on_each_generation(seeded: SeededFactory, release: str) -> None:
    async with running(seeded(release).dsn, checkup_after=0) as driver:
        await driver.until(lambda: driver.app.desk.checkup.value)
        report = driver.app.desk.checkup.value
        assert report is not None
        badge = f"✗ {plural(sum(one.severity.value == 'error' for one in report.findings), 'error')}"
        await driver.until(lambda: badge in driver.lines[1])
        await driver.click("Header", badge)
        screen = await driver.on(FindingsScreen)
        assert screen.report is report, "what the badge told is not looked for again"
        await driver.until(lambda: list(driver.table.keys) == [one.fingerprint for one in report.findings])

        # Families, and the checks that did not look.
        skipped = [one for one in report.checks if one.status is Status.SKIPPED]
        for code, name in FAMILIES.items():
            of_it = [one.fingerprint for one in report.findings if family(one.code) == code]
            await driver.press("tab")
            await driver.until(lambda of_it=of_it: list(driver.table.keys) == of_it)
            assert f"{name} {len(of_it)} " in driver.lines[2]
        await driver.press("tab")
        await driver.until(lambda: screen.family == SKIPPED)
        assert list(driver.table.keys) == [f"skipped {one.code}" for one in skipped]
        for one in skipped:
            driver.table.go_to(f"skipped {one.code}")
            told = flat((one.reason or "").partition(" ")[2])
            await driver.until(lambda told=told: told in flat(driver.text))
        await driver.press("escape")
        await driver.until(lambda: screen.family == "all")

        # One finding of each check in full: why, what to do, the rows that show it; then what its check is about.
        for finding in {one.code: one for one in report.findings}.values():
            await on_finding(driver, finding)
            text = flat(driver.text)
            assert flat(finding.why)[:60] in text
            assert finding.certainty.value in text
            assert flat(finding.remedy.text)[:60] in text
            await driver.press("x")
            check = explain(finding.code)
            await driver.until(lambda check=check: flat(check.title)[:50] in flat(driver.text))
            assert flat(check.what)[:60] in flat(driver.text)
            await driver.press("x")
        first = report.findings[0]
        await on_finding(driver, first)
        assert str(first.evidence[0]["id"]) in driver.text

        # To the jobs that belong to it, and where the remedy leads.
        await driver.press("enter")
        jobs = await driver.on(JobsScreen)
        assert jobs.place == JobsPlace(to_text(Ids(first.jobs)))
        assert len(driver.table.keys) == len(first.jobs) == first.count
        await driver.press("escape")
        await driver.on(FindingsScreen)
        assert driver.table.cursor_key == first.fingerprint
        await driver.press("y")
        assert driver.app.clipboard == first.remedy.command
        await driver.press("escape")
        listed = next(one for one in report.findings if isinstance(way(one.remedy.command or ""), JobsPlace))
        await on_finding(driver, listed)
        await driver.press("R")
        jobs = await driver.on(JobsScreen)
        assert jobs.place == way(listed.remedy.command or "")
        await driver.press("escape")
        await driver.on(FindingsScreen)
        led = {one.remedy.command for one in report.findings if one.remedy.command and way(one.remedy.command) is None}
        assert led <= {f"bossctl {words}" for words in ("info", "worker list", "schedule list")}
        mine = next(one for one in report.findings if one.queue == BUSY)
        await on_finding(driver, mine)
        await driver.press("o")
        assert (await driver.on(QueueScreen)).name_here == BUSY


async def test_a_remedy_that_acts_on_jobs_is_planned_then_done(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    [(job,)] = db.execute("SELECT id FROM job WHERE name = %s AND state = 'active'", [STUCK])
    async with running(db.dsn, size=SMALL) as driver:
        screen = await opened_on(driver, "findings", FindingsScreen)
        await driver.until(lambda: screen.report)
        assert screen.report is not None
        await on_finding(
            driver, next(one for one in screen.report.findings if (one.code, one.queue) == ("STK01", STUCK))
        )
        await driver.press("R")
        await driver.until(lambda: isinstance(driver.app.screen, ActionDialog) and "Retry 1 job?" in driver.text)
        assert db.value("SELECT state::text FROM job WHERE id = %s", [job]) == "active", "a plan changes nothing"
        await driver.press("y")
        await driver.until(lambda: db.value("SELECT state::text FROM job WHERE id = %s", [job]) == "retry")


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_a_remedy_that_changes_a_queue_is_planned_then_done(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    db.execute("UPDATE queue SET dead_letter = %s WHERE name = %s", [BUSY, DEAD_LETTER])
    async with running(db.dsn, size=SMALL) as driver:
        screen = await opened_on(driver, "findings", FindingsScreen)
        await driver.until(lambda: screen.report)
        assert screen.report is not None
        before = screen.report
        loop = next(one for one in before.findings if "--dead-letter" in (one.remedy.command or ""))
        leads = way(loop.remedy.command or "")
        assert isinstance(leads, Ensuring)
        assert leads.options == {"dead_letter": "none"}
        await on_finding(driver, loop)
        await driver.press("R")
        await driver.until(lambda: isinstance(driver.app.screen, EnsureForm))
        await driver.until(lambda: f"change queue {leads.queue}" in driver.text)
        assert "→ none" in driver.text
        given = "SELECT dead_letter FROM queue WHERE name = %s"
        assert db.value(given, [leads.queue]) is not None
        await driver.press("enter")
        await driver.on(FindingsScreen)
        assert db.value(given, [leads.queue]) is None
        await driver.until(lambda: screen.report is not before)
        assert loop.fingerprint not in driver.table.keys, "doctor looked again by itself"


async def test_a_read_only_connection_is_led_to_the_jobs_but_changes_nothing(seeded: SeededFactory) -> None:
    db = seeded("10.4.2")
    db.execute("UPDATE queue SET dead_letter = %s WHERE name = %s", [BUSY, DEAD_LETTER])
    age(db, 7200, "created_on", "start_after")
    db.execute("UPDATE version SET cron_on = now() - interval '1 hour'")
    async with running(db.dsn, size=SMALL, read_only=True) as driver:
        screen = await opened_on(driver, "findings", FindingsScreen)
        await driver.until(lambda: screen.report)
        assert screen.report is not None
        await on_finding(driver, next(one for one in screen.report.findings if "ensure" in (one.remedy.command or "")))
        await driver.press("R")
        await driver.until(lambda: any("read-only" in one for one in toasts(driver)))
        assert isinstance(driver.app.screen, FindingsScreen)
        escape = next(one for one in screen.report.findings if one.queue == NAMES_UP_TO_11[2])
        await on_finding(driver, escape)
        await driver.press("y")
        assert driver.app.clipboard == "", "what a terminal could take for keys is not put into the clipboard"
        await driver.until(lambda: "control characters" in driver.text)
        await driver.press("escape")
        await on_finding(driver, next(one for one in screen.report.findings if way(one.remedy.command or "") is None))
        await driver.press("R")
        await driver.until(lambda: any(one.startswith("to run in a shell (y copies it)") for one in toasts(driver)))
        await on_finding(driver, escape)
        await driver.press("R")
        await driver.on(JobsScreen)
        assert driver.table.keys, "the queue with the odd name is found"


async def test_the_cursor_stays_on_its_finding_when_doctor_runs_again(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL) as driver:
        screen = await opened_on(driver, "findings", FindingsScreen)
        await driver.until(lambda: driver.table.keys)
        await driver.press("j", "j")
        here = driver.table.cursor_key
        first = screen.report
        await driver.press("r")
        await driver.until(lambda: screen.report is not first)
        assert driver.table.cursor_key == here
        await driver.press("escape")
        await driver.on(QueuesScreen)
        assert "errors" in driver.lines[1], "what was found is told there too"


async def test_what_a_right_kept_from_being_looked_at_is_listed(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
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
            assert screen.query_one(PaneStrip).titles[-1] == f"Skipped {len(refused) + len(elsewhere)}"
    finally:
        db.execute("DROP OWNED BY half_blind")
        db.execute("DROP ROLE half_blind")
