"""What a check is: a declaration with a pure judge over readings, and how its words become a finding."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from bossctl.models.common import Target
from bossctl.models.findings import Certainty, EvidenceValue, Finding, Remedy, Severity
from bossctl.models.readings import Ground

JOBS_SHOWN = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Readings:
    """The ground and what was read for a run, looked up by the type of the reading."""

    ground: Ground
    taken: Mapping[type, object] = field(default_factory=dict)

    def __getitem__(self, kind: type[T]) -> T:
        """The reading of that type. Raises LookupError when it was not taken: the check does not declare it."""
        found = self.taken.get(kind)
        if not isinstance(found, kind):
            raise LookupError(f"the reading {kind.__name__} was not taken")
        return found


@dataclass(frozen=True)
class Case:
    """One thing a judge found, before the check puts its name to it.

    `subject` tells findings of one check and queue apart, without counts or ids. `advice` is the remedy's text and
    `command` the words after `bossctl` that show more, where one helps. `severity` None means the check's own.
    """

    queue: str | None
    subject: str
    certainty: Certainty
    count: int
    message: str
    advice: str
    jobs: Sequence[str] = ()
    since: datetime | None = None
    evidence: Sequence[Mapping[str, EvidenceValue]] = ()
    command: Sequence[str] | None = None
    severity: Severity | None = None


Judge = Callable[[Readings], Iterator[Case]]


@dataclass(frozen=True)
class Check:
    """One check of the catalogue. `needs` names the readings its judge looks at, by type."""

    code: str
    slug: str
    title: str
    severity: Severity
    needs: tuple[type, ...]
    what: str
    why: str
    confirm: str
    fix: str
    releases: str
    judge: Judge

    @property
    def family(self) -> str:
        """`DUP`, `STK`, `CFG` or `SCH`."""
        return self.code[:3]

    def findings(self, readings: Readings, target: Target) -> tuple[Finding, ...]:
        """What the judge makes of the readings, as findings of this check."""
        return tuple(self._finding(case, target) for case in self.judge(readings))

    def _finding(self, case: Case, target: Target) -> Finding:
        return Finding(
            code=self.code,
            slug=self.slug,
            severity=case.severity or self.severity,
            certainty=case.certainty,
            queue=case.queue,
            subject=case.subject,
            count=case.count,
            jobs=tuple(case.jobs[:JOBS_SHOWN]),
            since=case.since,
            message=case.message,
            evidence=tuple(case.evidence),
            why=self.why,
            remedy=Remedy(case.advice, _typed(case.command, target)),
            fingerprint=fingerprint(self.code, case.queue, case.subject),
        )


def fingerprint(code: str, queue: str | None, subject: str) -> str:
    """The same for the same trouble in every run: `DUP01-` and sixteen hex digits."""
    told = "\0".join((code, "" if queue is None else f"queue {queue}", subject))
    return f"{code}-{hashlib.sha256(told.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _typed(words: Sequence[str] | None, target: Target) -> str | None:
    """The words as a command line that reaches the same schema from the same shell."""
    if words is None:
        return None
    where = ["--context", target.context] if target.context else []
    if target.schema != "pgboss":
        where += ["--schema", target.schema]
    return shlex.join(("bossctl", *where, *words))
