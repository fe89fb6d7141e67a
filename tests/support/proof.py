"""What the doctor must say of a cause that a test made happen; told to a file too, of which `python -m` makes a table.

BOSSCTL_PROOF=rows.jsonl pytest -m "matrix or not matrix" tests/db/test_proof_*.py
python -m tests.support.proof rows.jsonl
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bossctl.models.findings import Certainty, Finding, Report, Severity
from tests.support.database import Database
from tests.support.diagnosis import diagnose

FILE = "BOSSCTL_PROOF"
COLUMNS = ("cause", "what", "release", "expected", "found", "also alarmed", "verdict")


@dataclass(frozen=True)
class Expect:
    """A finding that must be there. An empty `subject` is any."""

    code: str
    severity: Severity
    certainty: Certainty
    subject: str = ""

    def fits(self, finding: Finding) -> bool:
        same = (finding.code, finding.severity, finding.certainty) == (self.code, self.severity, self.certainty)
        return same and self.subject in ("", finding.subject)

    def __str__(self) -> str:
        return f"{self.code} {self.severity.value} {self.certainty.value}"


async def prove(
    database: Database,
    cause: str,
    what: str,
    *expected: Expect,
    absent: Sequence[str] = (),
    also: Sequence[str] = (),
    release: str | None = None,
) -> Report:
    """Ask the doctor everything; what is expected must be found, `absent` codes not, and nothing else may alarm.

    `also` are codes that may alarm beside, because the cause really makes them true as well.
    """
    report = await diagnose(database)
    judge(report, cause, what, release or database.release, expected, absent, also)
    return report


def judge(
    report: Report,
    cause: str,
    what: str,
    release: str,
    expected: Sequence[Expect],
    absent: Sequence[str] = (),
    also: Sequence[str] = (),
) -> None:
    """The same for a report that is there already."""
    asked = {one.code for one in expected} | set(absent)
    found = [one for one in report.findings if one.code in asked]
    beside = sorted({one.code for one in report.findings if _alarms(one) and one.code not in asked})
    wrong = [str(one) for one in expected if not any(one.fits(finding) for finding in found)]
    wrong += [f"not {one.code}: {one.message}" for one in found if one.code in absent]
    wrong += [one.message for one in report.findings if one.code in beside and one.code not in also]
    told = sorted({f"{one.code} {one.severity.value} {one.certainty.value}" for one in found})
    _record(
        cause,
        what,
        release,
        ", ".join([*map(str, expected), *(f"no {code}" for code in absent)]) or "nothing",
        ", ".join(told) or _looked(report, absent),
        ", ".join(beside) or "-",
        "as expected" if not wrong else "NOT as expected",
    )
    assert not wrong, "; ".join(wrong)


def _alarms(finding: Finding) -> bool:
    return finding.severity.rank <= Severity.WARNING.rank


def _looked(report: Report, absent: Iterable[str]) -> str:
    """Nothing, and why where a check could not look."""
    reasons = {one.code: one.reason for one in report.checks if one.code in absent and one.reason}
    return "nothing" + "".join(f" ({code}: {reason.split(':')[0][:40]})" for code, reason in reasons.items())


def _record(*row: str) -> None:
    name = os.environ.get(FILE)
    if name:
        with Path(name).open("a") as file:
            file.write(json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n")


def table(lines: Iterable[str]) -> str:
    """The recorded rows as a text table, by cause and release; a row told twice is told once, the last one."""
    told = {(row["cause"], row["what"], row["release"]): row for row in map(json.loads, lines)}
    rows = [[row[column] for column in COLUMNS] for row in sorted(told.values(), key=_order)]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    ruled = [list(COLUMNS), ["-" * width for width in widths], *rows]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in ruled)


def _order(row: dict[str, str]) -> tuple[object, ...]:
    number = row["cause"].lstrip("D")
    release = [int(part) for part in row["release"].split(" ")[0].split(".")]
    return int(number) if number.isdigit() else 99, row["cause"], row["what"], release


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1]).read_text().splitlines()) + "\n")
