"""`bossctl doctor --watch`: look again and again, tell what changed, until Ctrl-C or until nobody listens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from bossctl.cli import bridge, shapes, talk
from bossctl.cli.output import Printer
from bossctl.cli.reports.verdict import Verdict
from bossctl.cli.settings import Settings
from bossctl.cli.views import findings as views
from bossctl.doctor.watch import Look, Watch
from bossctl.errors import BossctlError, Exit
from bossctl.format import duration, timestamp
from bossctl.models.findings import CheckResult, Finding, Severity
from bossctl.store import Store


def watch(
    settings: Settings,
    looking: Watch,
    printer: Printer,
    every: int,
    limit: Severity | None,
    known: frozenset[str] | None,
) -> int:
    """Look every so many seconds. Returns 130 after Ctrl-C, the last look's exit code when stdout is closed."""
    narrator = (_Prose if printer.human else _Lines)(printer, limit, known)
    progress = talk.Progress(colourless=settings.colourless)
    try:
        bridge.run(_forever(settings, looking, narrator, progress, every))
    except KeyboardInterrupt:
        progress.done()
        narrator.end()
        return Exit.INTERRUPTED
    finally:
        progress.done()
    return narrator.verdict.exit_code if narrator.verdict else Exit.OK


async def _forever(settings: Settings, looking: Watch, narrator: Narrator, progress: talk.Progress, every: int) -> None:
    """The first look must succeed; after that a lost database is told and waited for."""
    loop = asyncio.get_running_loop()
    async with await Store.open(settings.spec(), pooled=True) as store:
        look = await looking.look(store, progress)
        progress.done()
        narrator.look(look)
        while not narrator.printer.unread():
            progress(f"looking every {duration(every)}; last at {timestamp(narrator.seen_at)}; Ctrl-C ends it")
            await asyncio.sleep(max(every - narrator.spent, every / 2))
            started = loop.time()
            try:
                look = await looking.look(store)
            except BossctlError as error:
                progress.done()
                narrator.lost(error)
            else:
                progress.done()
                narrator.look(look)
            narrator.spent = loop.time() - started


class Narrator:
    """Tells what a watch sees. `spent` is how many seconds the last look took."""

    def __init__(self, printer: Printer, limit: Severity | None, known: frozenset[str] | None) -> None:
        self.printer = printer
        self.verdict: Verdict | None = None
        self.spent = 0.0
        self._limit = limit
        self._known = known
        self._lost: str | None = None
        self._notes: tuple[str, ...] = ()

    @property
    def seen_at(self) -> datetime | None:
        """When the last look succeeded, by the server's clock."""
        return self.verdict.report.taken_at if self.verdict else None

    def look(self, seen: Look) -> None:
        """Tell of a look that succeeded."""
        before, self.verdict = self.verdict, Verdict(seen.report, self._limit, self._known)
        if self._lost is not None:
            self._lost = None
            self.tell_back(self.verdict)
        for note in seen.notes:
            if note not in self._notes:
                talk.say(f"note: {note}")
        self._notes = seen.notes
        self.tell(self.verdict, before, seen)

    def lost(self, error: BossctlError) -> None:
        """Tell of a look that failed, once for every reason."""
        if str(error) != self._lost:
            self._lost = str(error)
            self.tell_lost(error, datetime.now(UTC))

    def tell(self, verdict: Verdict, before: Verdict | None, seen: Look) -> None:
        """Print a look; `before` is the one before it."""
        raise NotImplementedError

    def tell_lost(self, error: BossctlError, at: datetime) -> None:
        """Print that a look failed."""
        raise NotImplementedError

    def tell_back(self, verdict: Verdict) -> None:
        """Print that looks succeed again."""
        raise NotImplementedError

    def end(self) -> None:
        """Print the last summary."""
        raise NotImplementedError


class _Prose(Narrator):
    def tell(self, verdict: Verdict, before: Verdict | None, seen: Look) -> None:
        if before is None:
            views.report(self.printer, verdict)
            return
        for event, findings in (("appeared", seen.appeared), ("more", seen.grew), ("gone", seen.gone)):
            for one in findings:
                self._event(verdict, event, one)

    def _event(self, verdict: Verdict, event: str, one: Finding) -> None:
        at = timestamp(verdict.report.taken_at)
        self.printer.text(f"{at}  {event}  {views.headline(self.printer, verdict, one)}\n")
        if event != "gone":
            views.told(self.printer, one)

    def tell_lost(self, error: BossctlError, at: datetime) -> None:
        self.printer.clean_line(f"{timestamp(at)}  cannot look: {error}")

    def tell_back(self, verdict: Verdict) -> None:
        self.printer.clean_line(f"{timestamp(verdict.report.taken_at)}  looking again")

    def end(self) -> None:
        if self.verdict:
            views.total(self.printer, self.verdict)


class _Lines(Narrator):
    def tell(self, verdict: Verdict, before: Verdict | None, seen: Look) -> None:
        at = verdict.report.taken_at
        lines: list[Mapping[str, Any]] = [
            {"type": "check", "at": at, **shape} for shape in _changed_checks(verdict, before)
        ]
        for event, findings in (("appeared", seen.appeared), ("more", seen.grew), ("gone", seen.gone)):
            shaped = (shapes.finding(one, verdict.known) for one in findings)
            lines += [{"type": "finding", "event": event, "at": at, **shape} for shape in shaped]
        self.printer.lines([*lines, _summary(verdict)])

    def tell_lost(self, error: BossctlError, at: datetime) -> None:
        self.printer.lines([{"type": "lost", "at": at, "message": str(error), "hint": error.hint}])

    def tell_back(self, verdict: Verdict) -> None:
        self.printer.lines([{"type": "back", "at": verdict.report.taken_at}])

    def end(self) -> None:
        if self.verdict:
            self.printer.lines([_summary(self.verdict) | {"event": "ended"}])


def _summary(verdict: Verdict) -> dict[str, Any]:
    report = verdict.report
    sums = shapes.summary(report, verdict.known)
    return {"type": "summary", "at": report.taken_at, "target": shapes.target(report.target), **sums}


def _changed_checks(verdict: Verdict, before: Verdict | None) -> Iterable[dict[str, Any]]:
    old = {_standing(one) for one in before.report.checks} if before else set()
    shaped = shapes.report(verdict.report)["checks"]
    changed = (_standing(one) not in old for one in verdict.report.checks)
    return [shape for shape, new in zip(shaped, changed, strict=True) if new]


def _standing(check: CheckResult) -> tuple[str, str, str | None]:
    return check.code, check.status.value, check.reason
