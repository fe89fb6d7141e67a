"""Asking the doctor about a test's database."""

from __future__ import annotations

from bossctl import doctor
from bossctl.doctor import DoctorRequest
from bossctl.models.findings import Finding, Report, Severity
from tests.support.database import Database
from tests.support.stores import open_store


async def diagnose(
    database: Database, *only: str, queues: tuple[str, ...] = (), since_seconds: int = 604_800
) -> Report:
    """One run of the doctor, of these checks only if any are named."""
    async with await open_store(database) as store:
        return await doctor.run(store, DoctorRequest(queues=queues, since_seconds=since_seconds, only=only))


async def found(database: Database, code: str, queue: str | None = None) -> list[Finding]:
    """What one check finds, in one queue if that is named."""
    report = await diagnose(database, code)
    [check] = report.checks
    assert check.reason is None, check.reason
    return [finding for finding in report.findings if queue is None or finding.queue == queue]


def alarms(report: Report) -> list[str]:
    """The messages of all findings at warning or above."""
    return [
        f"{finding.code} {finding.message}"
        for finding in report.findings
        if finding.severity.rank <= Severity.WARNING.rank
    ]
