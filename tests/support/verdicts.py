"""Reports of the doctor made up for tests of how they are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from bossctl.doctor import CHECKS
from bossctl.doctor.check import fingerprint
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, CheckResult, Finding, Remedy, Report, Severity, Status

HOSTILE = (
    "\x1b[31mred\x1b[0m \x9b31m \u202eevil\u2069 \x00 \x7f \u2028 \r\n::error::x %0A ]]>"
    " <b>&\"' [a](b) `c` |d| {0} @e #1"
)
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, UTC)


def finding(
    code: str = "STK01",
    queue: str | None = "mail",
    *,
    severity: Severity = Severity.ERROR,
    subject: str = "active past expiry",
    message: str = "1 job of queue mail is active past expiry",
    count: int = 1,
    jobs: Sequence[str] = ("7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e",),
    since: datetime | None = AT,
    fix: str = "start a supervisor",
    command: str | None = "bossctl job list is:stuck",
) -> Finding:
    """One finding, plausible where nothing is said."""
    return Finding(
        code=code,
        slug=next((check.slug for check in CHECKS if check.code == code), "unheard-of"),
        severity=severity,
        certainty=Certainty.PROVEN,
        queue=queue,
        subject=subject,
        count=count,
        jobs=tuple(jobs),
        since=since,
        message=message,
        evidence=({"id": "7a9d2c1e", "reason": message, "started_on": since, "overdue_seconds": 1.5, "jobs": ("a",)},),
        why="A job whose worker is gone stays active for ever.",
        remedy=Remedy(fix, command),
        fingerprint=fingerprint(code, queue, subject),
    )


def hostile(text: str = HOSTILE, code: str = "DUP16") -> Finding:
    """A finding with this text wherever the database has a say."""
    return finding(
        code,
        text,
        severity=Severity.WARNING,
        subject=text,
        message=f"queue {text} has 2 jobs",
        command=f"bossctl job list 'queue:{text}'",
    )


def report(*findings: Finding, skipped: Sequence[tuple[str, str]] = (), target: str = "orders") -> Report:
    """A report of these findings; `skipped` are codes with reasons, all other checks of the catalogue ran."""
    reasons = dict(skipped)
    failing = {one.code for one in findings}
    checks = [
        CheckResult(one.code, one.slug, _status(one.code, failing, reasons), reasons.get(one.code), 0.01)
        for one in CHECKS
    ]
    known = {check.code for check in CHECKS}
    checks += [CheckResult(code, "unheard-of", Status.FAIL, None, 0.0) for code in sorted(failing - known)]
    return Report(Target("db.internal", 5432, target, "reader", "pgboss", "--dsn"), tuple(checks), findings, AT, 1.25)


def _status(code: str, failing: set[str], reasons: dict[str, str]) -> Status:
    return Status.SKIPPED if code in reasons else Status.FAIL if code in failing else Status.PASS
