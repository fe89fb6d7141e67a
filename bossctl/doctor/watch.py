"""doctor again and again: what appeared, what went away, and jobs that were seen to start again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from bossctl.doctor.catalogue import CHECKS
from bossctl.doctor.check import Check, Readings
from bossctl.doctor.restarts import SUBJECT, WATCHED, Memory, Restarts, restarts
from bossctl.doctor.runner import DoctorRequest, choose, run
from bossctl.errors import StatementTimeout, Unsupported
from bossctl.models.common import Target
from bossctl.models.findings import CheckResult, Finding, Report, Severity, Status
from bossctl.models.readings import Ground
from bossctl.models.watch import Sample
from bossctl.store import Store
from bossctl.store.readings import known_queues
from bossctl.store.translate import SchemaChanged
from bossctl.store.watch import SAMPLE_ROWS, take_sample

FIRST_LOOK_BACK = timedelta(minutes=10)
OVERLAP = timedelta(seconds=60)
"""A completion carries the time its transaction began; it may be committed after the look that follows."""


@dataclass(frozen=True)
class Look:
    """One round of a watch: the whole report, what changed since the round before, and what to say about the look.

    `grew` are findings at warning or above of the watch itself that more was seen of.
    """

    report: Report
    appeared: tuple[Finding, ...]
    gone: tuple[Finding, ...]
    grew: tuple[Finding, ...]
    notes: tuple[str, ...]


class Watch:
    """Looks again and again and remembers what it saw. Raises UsageError for bad codes."""

    def __init__(self, request: DoctorRequest, *, sample_rows: int = SAMPLE_ROWS) -> None:
        chosen = {check.code for check in choose(request.only, request.skip)}
        self._request = request
        self._sample_rows = sample_rows
        self._checks = [check for check in WATCHED if check.code in chosen or _only_watched(check, request)]
        self._memory = Memory({})
        self._restarts = Restarts()
        self._sampled_at: datetime | None = None
        self._findings: Mapping[str, Finding] = {}

    async def look(self, store: Store, progress: Callable[[str], None] | None = None) -> Look:
        """Look once. Raises as `run`; a look that fails leaves what was seen before as it is."""
        plain = await run(store, self._request, progress)
        notes = await self._sample(store) if self._checks else ()
        report = with_restarts(plain, self._restarts, self._checks, store.target)
        before, self._findings = self._findings, _standing(self._findings, report)
        return Look(
            report=report,
            appeared=tuple(one for one in report.findings if one.fingerprint not in before),
            gone=tuple(one for fingerprint, one in before.items() if fingerprint not in self._findings),
            grew=tuple(one for one in report.findings if _grew(before.get(one.fingerprint), one)),
            notes=notes,
        )

    async def _sample(self, store: Store) -> tuple[str, ...]:
        globs = self._request.queues
        try:
            async with store.snapshot(self._request.timeout_seconds) as transaction:
                since = (self._sampled_at - OVERLAP) if self._sampled_at else transaction.now - FIRST_LOOK_BACK
                names = _matching(await known_queues(transaction), globs) if globs else None
                sample = await take_sample(transaction, since, names, self._sample_rows)
        except SchemaChanged:
            await store.session.reread()
            return ("jobs were not compared this time: the schema was changed meanwhile",)
        except (Unsupported, StatementTimeout) as error:
            return (f"jobs were not compared this time: {error}",)
        self._restarts = self._restarts.with_more(restarts(self._memory, sample))
        self._memory = self._memory.with_sample(sample)
        self._sampled_at = sample.at
        return tuple(_bounds(sample, self._memory))


def _only_watched(check: Check, request: DoctorRequest) -> bool:
    """Whether a check that the catalogue does not have is asked for."""
    if any(check.code == one.code for one in CHECKS):
        return False
    names = {name.casefold() for name in (check.code, check.slug, check.family)}
    wanted = not request.only or names & {name.casefold() for name in request.only}
    return bool(wanted) and not names & {name.casefold() for name in request.skip}


def _matching(names: Iterable[str], globs: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if any(fnmatchcase(name, glob) for glob in globs))


def _bounds(sample: Sample, memory: Memory) -> Iterator[str]:
    if sample.limit is not None:
        yield f"more than {sample.limit:,} jobs run or ended since the last look: only so many were compared"
    if memory.forgotten:
        yield f"more jobs were seen than are kept in mind: {memory.forgotten:,} of the oldest are not compared any more"


def with_restarts(report: Report, found: Restarts, checks: Sequence[Check], target: Target) -> Report:
    """A report with what was watched in its place among the findings; the checks that tell of it failed."""
    readings = Readings(Ground(report.taken_at, ""), {Restarts: found})
    more = [finding for check in checks for finding in check.findings(readings, target)]
    order = {one.code: place for place, one in enumerate(report.checks)}
    findings = sorted((*more, *report.findings), key=lambda one: (one.severity.rank, order.get(one.code, -1)))
    return replace(report, checks=_failed(report.checks, more), findings=tuple(findings))


def _failed(checks: Sequence[CheckResult], findings: Iterable[Finding]) -> tuple[CheckResult, ...]:
    slugs = {one.code: one.slug for one in findings}
    told = [replace(one, status=Status.FAIL, reason=None) if one.code in slugs else one for one in checks]
    for one in checks:
        slugs.pop(one.code, None)
    return (*told, *(CheckResult(code, slug, Status.FAIL, None, 0.0) for code, slug in slugs.items()))


def _standing(before: Mapping[str, Finding], report: Report) -> Mapping[str, Finding]:
    """What stands after a report: its findings, and the earlier ones of checks that could not look this time."""
    blind = {check.code for check in report.checks if check.status is Status.SKIPPED}
    kept = {fingerprint: one for fingerprint, one in before.items() if one.code in blind}
    return kept | {one.fingerprint: one for one in report.findings}


def _grew(before: Finding | None, now: Finding) -> bool:
    mine = now.subject == SUBJECT and now.severity is not Severity.INFO
    return mine and before is not None and now.count > before.count
