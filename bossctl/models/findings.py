"""What doctor reports: checks that ran or could not, findings with their evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bossctl.models.common import Target


class Severity(StrEnum):
    """Ordered by `rank`: error is worst."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for error, 1 for warning, 2 for info."""
        return ("error", "warning", "info").index(self.value)


class Certainty(StrEnum):
    """proven: the rows cannot be explained otherwise; likely; possible."""

    PROVEN = "proven"
    LIKELY = "likely"
    POSSIBLE = "possible"


class Status(StrEnum):
    """Result of one check."""

    PASS = "pass"
    FAIL = "fail"
    SKIPPED = "skipped"


EvidenceValue = str | int | float | bool | datetime | None | tuple[str, ...]


@dataclass(frozen=True)
class Remedy:
    """What to do. `command` can be typed as it stands, or is None when no command helps."""

    text: str
    command: str | None = None


@dataclass(frozen=True)
class Finding:
    """One finding.

    `count` is exact, never the size of a sample; `jobs` holds at most 20 ids. `since` is when the first of it
    happened. `fingerprint` is stable across runs: code, queue and `subject`, no counts, no ids.
    """

    code: str
    slug: str
    severity: Severity
    certainty: Certainty
    queue: str | None
    subject: str
    count: int
    jobs: tuple[str, ...]
    since: datetime | None
    message: str
    evidence: tuple[Mapping[str, EvidenceValue], ...]
    why: str
    remedy: Remedy
    fingerprint: str


@dataclass(frozen=True)
class CheckResult:
    """How one check went. `reason` is set when skipped and starts with `era`, `privilege` or `timeout`."""

    code: str
    slug: str
    status: Status
    reason: str | None
    elapsed_seconds: float


@dataclass(frozen=True)
class Report:
    """A whole doctor run. `findings` are worst first, duplicates before stuck before configuration."""

    target: Target
    checks: tuple[CheckResult, ...]
    findings: tuple[Finding, ...]
    taken_at: datetime
    elapsed_seconds: float
    notes: tuple[str, ...] = field(default=())
