"""A report with what was asked of it: from which severity on it fails, and what is known already."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bossctl.errors import Exit
from bossctl.models.findings import CheckResult, Finding, Report, Severity, Status


@dataclass(frozen=True)
class Verdict:
    """`limit` None never fails; `known` holds the fingerprints of a baseline, None where there is none."""

    report: Report
    limit: Severity | None
    known: frozenset[str] | None = None

    def is_known(self, finding: Finding) -> bool:
        """Whether the baseline has it."""
        return self.known is not None and finding.fingerprint in self.known

    def fails(self, finding: Finding) -> bool:
        """Whether it is new and at or above the threshold."""
        return self.limit is not None and finding.severity.rank <= self.limit.rank and not self.is_known(finding)

    @cached_property
    def new(self) -> tuple[Finding, ...]:
        """The findings that no baseline has, worst first."""
        return tuple(one for one in self.report.findings if not self.is_known(one))

    @cached_property
    def blind(self) -> tuple[CheckResult, ...]:
        """The checks that could not look, though this schema has what they look at."""
        return tuple(one for one in self.report.checks if one.status is Status.SKIPPED and not _by_era(one))

    @property
    def ran(self) -> int:
        """How many checks looked."""
        return sum(one.status is not Status.SKIPPED for one in self.report.checks)

    @property
    def exit_code(self) -> Exit:
        """1 when findings fail, else 6 (4 when no check could) when some could not look, else 0."""
        if any(map(self.fails, self.report.findings)):
            return Exit.FINDINGS
        if not self.blind:
            return Exit.OK
        return Exit.PARTLY if self.ran else Exit.UNSUPPORTED

    @property
    def sentence(self) -> str:
        """The verdict in a sentence: the worst new finding, or how well everything is, and what was not seen."""
        return f"{self._worst()}{self._unseen()}"

    def _worst(self) -> str:
        if self.new:
            first, *others = self.new
            more = f"; and {tally(others)} more" if others else ""
            return f"{first.severity.value} {first.code}: {first.message}{more}"
        if self.report.findings:
            return f"nothing new: {plural(len(self.report.findings), 'finding')} known from the baseline"
        if not self.ran and self.blind:
            return f"no check could look: {reason(self.blind[0])}"
        return f"nothing {'found' if self.blind else 'wrong'} in {plural(self.ran, 'check')}"

    def _unseen(self) -> str:
        if self.blind and (self.ran or self.report.findings):
            return f"; {len(self.blind)} of {plural(len(self.report.checks), 'check')} could not look"
        return ""


def _by_era(check: CheckResult) -> bool:
    return (check.reason or "").startswith("era")


def reason(check: CheckResult) -> str:
    """Why a check did not look, without the word that programs go by."""
    kind, _, told = (check.reason or "").partition(" ")
    return told if told and kind in ("era", "privilege", "timeout") else check.reason or ""


def tally(findings: list[Finding] | tuple[Finding, ...]) -> str:
    """`1 error, 2 warnings, 3 info`, without what there is none of."""
    counts = {severity: sum(one.severity is severity for one in findings) for severity in Severity}
    return ", ".join(_counted(severity, number) for severity, number in counts.items() if number)


def _counted(severity: Severity, number: int) -> str:
    return f"{number} info" if severity is Severity.INFO else plural(number, severity.value)


def plural(number: int, word: str) -> str:
    """`1 check`, `2,000 checks`."""
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"
