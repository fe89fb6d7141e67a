"""`bossctl doctor`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, Printer
from bossctl.cli.settings import Settings, seconds
from bossctl.errors import BossctlError, Exit, UsageError

if TYPE_CHECKING:
    from bossctl.cli.reports.verdict import Verdict
    from bossctl.doctor import DoctorRequest
    from bossctl.doctor.baseline import Baseline
    from bossctl.models.findings import Report, Severity
    from bossctl.store import Store

_UNNAMED = "libpq environment"
"""Where a connection comes from when nobody named one (bossctl.config), unless libpq's own variables do."""

_LIBPQ = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")


class ReportFormat(StrEnum):
    """How doctor can report."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    SARIF = "sarif"
    JUNIT = "junit"
    GITHUB = "github"
    MARKDOWN = "markdown"


class Threshold(StrEnum):
    """From which severity on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"

    @property
    def limit(self) -> Severity | None:
        """The severity, None for never."""
        from bossctl.models.findings import Severity

        return None if self is Threshold.NEVER else Severity(self.value)


@dataclass(frozen=True)
class Manner:
    """How a run is reported and what makes it fail. `update` writes the baseline's file instead of obeying it."""

    output: ReportFormat = ReportFormat.TABLE
    fail_on: Threshold = Threshold.WARNING
    baseline: str | None = None
    update: bool = False

    def printer(self, settings: Settings) -> Printer:
        """Where the report goes; what the printer has no format for is a document of its own."""
        return Printer(settings, self.output.value if self.output in list(Format) else Format.JSON)


def _option(*names: str, metavar: str | None = None, told: str, default: bool = False) -> Any:
    return typer.Option(*names, metavar=metavar, help=told, show_default=default)


Queues = Annotated[list[str] | None, _option("--queue", "-q", metavar="GLOB", told="Only these queues.")]
_LOOKS_BACK = "How far back to look; if not given, 7d, and 24h for identical jobs."
Since = Annotated[str | None, _option("--since", metavar="D", told=_LOOKS_BACK)]
Window = Annotated[str, _option("--window", metavar="D", told="How close identical jobs must be.", default=True)]
Only = Annotated[list[str] | None, _option("--only", metavar="CODE", told="Only these checks or families.")]
Skip = Annotated[list[str] | None, _option("--skip", metavar="CODE", told="Not these checks or families.")]
_FAILS = "Exit 1 from error, warning or info on, or never."
FailOn = Annotated[Threshold, _option("--fail-on", metavar="SEVERITY", told=_FAILS, default=True)]
BaselineFile = Annotated[
    str | None, _option("--baseline", metavar="FILE", told="Only findings that are not in it fail.")
]
Update = Annotated[bool, _option("--update-baseline", told="Write what is found to the baseline's file.")]
Every = Annotated[str | None, _option("--watch", metavar="D", told="Again every D; tell what changes.")]
ListChecks = Annotated[bool, _option("--list", told="List the checks and exit.")]
Explained = Annotated[str | None, _option("--explain", metavar="CODE", told="Explain one check and exit.")]
_FORMATS = "table, json, jsonl, sarif, junit, github or markdown."
Output = Annotated[ReportFormat, _option("--output", "-o", metavar="FORMAT", told=_FORMATS, default=True)]


def doctor(
    ctx: typer.Context,
    queue: Queues = None,
    since: Since = None,
    window: Window = "60s",
    only: Only = None,
    skip: Skip = None,
    fail_on: FailOn = Threshold.WARNING,
    baseline: BaselineFile = None,
    update_baseline: Update = False,
    watch: Every = None,
    list_checks: ListChecks = False,
    explain: Explained = None,
    output: Output = ReportFormat.TABLE,
) -> int:
    """Find jobs that ran twice, stuck work, and what causes them.

    \b
    Example:
      bossctl doctor --only DUP --since 24h
    """
    settings = settings_of(ctx)
    manner = Manner(output, fail_on, baseline, update_baseline)
    if explain is not None or list_checks:
        return _declared(settings, manner, explain, _codes(only), _codes(skip))
    every = _interval(watch, manner)
    since_seconds, window_seconds = _whole(since or "7d", "--since"), _whole(window, "--window")
    from bossctl.doctor import DoctorRequest

    request = DoctorRequest(
        queues=tuple(queue or ()),
        since_seconds=since_seconds,
        window_seconds=window_seconds,
        identical_seconds=since_seconds if since else DoctorRequest.identical_seconds,
        only=_codes(only),
        skip=_codes(skip),
    )
    return diagnose(settings, request, manner) if every is None else _watch(settings, request, manner, every)


def diagnose(settings: Settings, request: DoctorRequest | None = None, manner: Manner | None = None) -> int:
    """Run doctor, print the report on stdout and return the exit code."""
    from bossctl import doctor as checks
    from bossctl.cli import bridge, talk
    from bossctl.cli.reports.verdict import Verdict
    from bossctl.doctor import DoctorRequest

    asked, manner = request or DoctorRequest(), manner or Manner()
    checks.choose(asked.only, asked.skip)  # a wrong code is told before anything is connected to
    known = _baseline(manner)
    printer = manner.printer(settings)
    progress = talk.Progress(colourless=settings.colourless)
    try:
        report = bridge.read(settings, lambda store: checks.run(store, asked, progress))
    finally:
        progress.done()
    if known is not None:
        known = _settled(manner, known, report, asked)
    verdict = Verdict(report, manner.fail_on.limit, None if known is None else known.fingerprints)
    _print(printer, manner.output, verdict)
    return verdict.exit_code


def exit_code(report: Report, fail_on: Threshold) -> Exit:
    """1 when findings reach the threshold, else 6 (4 when no check could) when some could not look, else 0."""
    from bossctl.cli.reports.verdict import Verdict

    return Verdict(report, fail_on.limit).exit_code


def _print(printer: Printer, output: ReportFormat, verdict: Verdict) -> None:
    from bossctl.cli import shapes
    from bossctl.cli.views import findings as views

    match output:
        case ReportFormat.TABLE:
            views.report(printer, verdict)
        case ReportFormat.JSON:
            printer.single(shapes.report(verdict.report, verdict.known))
        case ReportFormat.JSONL:
            printer.lines(_typed_lines(shapes.report(verdict.report, verdict.known)))
        case _:
            printer.data(_document(output)(verdict))


def _document(output: ReportFormat) -> Callable[[Verdict], str]:
    from bossctl.cli.reports import github, junit, markdown, sarif

    return {
        ReportFormat.SARIF: sarif.document,
        ReportFormat.JUNIT: junit.document,
        ReportFormat.GITHUB: github.document,
        ReportFormat.MARKDOWN: markdown.document,
    }[output]


def _typed_lines(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *({"type": "check", **one} for one in body["checks"]),
        *({"type": "finding", **one} for one in body["findings"]),
        {"type": "summary", "target": body["target"], **body["summary"]},
    ]


def _baseline(manner: Manner) -> Baseline | None:
    """What is known. Raises UsageError for a file that cannot be read, and for none unless it is to be written."""
    if manner.baseline is None:
        if manner.update:
            raise UsageError("--update-baseline needs a file to write", "add --baseline FILE")
        return None
    from bossctl.doctor import baseline

    found = baseline.read(Path(manner.baseline))
    if found is None and not manner.update:
        raise UsageError(f"there is no baseline {manner.baseline}", "add --update-baseline to write it")
    return found or baseline.Baseline()


def _settled(manner: Manner, known: Baseline, report: Report, asked: DoctorRequest) -> Baseline:
    """Tell what became of the baseline, or write what it becomes; what then is known."""
    from bossctl.cli import talk
    from bossctl.doctor import baseline

    gone = len(baseline.gone(known, report, asked.queues))
    if not manner.update:
        if gone:
            talk.say(f"note: {gone} of {len(known.findings)} known findings are gone; --update-baseline forgets them")
        return known
    new = baseline.updated(known, report, asked.queues)
    baseline.write(Path(manner.baseline or ""), new)
    added = len(new.fingerprints - known.fingerprints)
    talk.say(f"baseline {manner.baseline}: {added} added, {gone} gone, {len(new.findings)} known")
    return new


def _watch(settings: Settings, request: DoctorRequest, manner: Manner, every: int) -> int:
    from bossctl.cli import watching
    from bossctl.doctor.watch import Watch

    watch = Watch(request)
    known = _baseline(manner)
    fingerprints = None if known is None else known.fingerprints
    return watching.watch(settings, watch, manner.printer(settings), every, manner.fail_on.limit, fingerprints)


def _interval(given: str | None, manner: Manner) -> int | None:
    if given is None:
        return None
    if manner.output not in (ReportFormat.TABLE, ReportFormat.JSONL):
        raise UsageError(f"--watch prints a table or jsonl, not {manner.output.value}", "-o jsonl")
    if manner.update:
        raise UsageError("--watch and --update-baseline exclude each other", "update the baseline in a run of its own")
    return _whole(given, "--watch")


def _codes(given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(code.strip() for item in given or () for code in item.split(",") if code.strip())


def _whole(text: str, option: str) -> int:
    value = seconds(text, option)
    if value < 1:
        raise UsageError(f"{option} must be at least a second", f"{option} 60s")
    return value


def _declared(
    settings: Settings, manner: Manner, code: str | None, only: tuple[str, ...], skip: tuple[str, ...]
) -> int:
    """Print what the catalogue says of one check, or of those chosen and whether they can look here."""
    from bossctl.cli import shapes
    from bossctl.cli.views import findings as views
    from bossctl.doctor import choose, explain

    if manner.output not in list(Format):
        raise UsageError(f"checks are listed as table, json or jsonl, not {manner.output.value}", "-o json")
    printer = manner.printer(settings)
    chosen = choose(only, skip) if code is None else (explain(code),)
    here = _here(settings) if code is None else None
    if not printer.human:
        printer.rows({"checks": [{**shapes.check(one), **_available(one.code, here)} for one in chosen]}, "checks")
    elif code is None:
        views.check_list(printer, chosen, here)
    else:
        views.check_explained(printer, chosen[0])
    return Exit.OK


def _here(settings: Settings) -> Mapping[str, str | None] | None:
    """Why checks cannot look in the database that is named, by code; None where none is named or can be reached."""
    from bossctl.cli import bridge, talk
    from bossctl.doctor import availability

    async def asked(store: Store) -> Mapping[str, str | None]:
        return availability(store)

    named = settings.spec().source != _UNNAMED or any(name in settings.environ for name in _LIBPQ)
    if not named:
        return None
    try:
        return bridge.read(settings, asked)
    except BossctlError as error:
        talk.say(f"note: which checks can look there is not known: {error}")
        return None


def _available(code: str, here: Mapping[str, str | None] | None) -> dict[str, Any]:
    """None says that it is not known."""
    return (
        {"available": None, "reason": None} if here is None else {"available": here[code] is None, "reason": here[code]}
    )
