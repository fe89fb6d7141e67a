"""`bossctl doctor`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Format, Printer
from bossctl.cli.settings import Settings, seconds
from bossctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from bossctl.cli.reports.verdict import Verdict
    from bossctl.doctor import DoctorRequest
    from bossctl.doctor.baseline import Baseline
    from bossctl.models.findings import Report, Severity


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


def doctor(
    ctx: typer.Context,
    queue: Annotated[
        list[str] | None, typer.Option("--queue", "-q", metavar="GLOB", help="Only these queues.", show_default=False)
    ] = None,
    since: Annotated[str, typer.Option("--since", metavar="D", help="How far back to look.", show_default=True)] = "7d",
    window: Annotated[
        str, typer.Option("--window", metavar="D", help="How close identical jobs must be.", show_default=True)
    ] = "60s",
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="CODE", help="Only these checks or families.", show_default=False),
    ] = None,
    skip: Annotated[
        list[str] | None,
        typer.Option("--skip", metavar="CODE", help="Not these checks or families.", show_default=False),
    ] = None,
    fail_on: Annotated[
        Threshold,
        typer.Option(
            "--fail-on", metavar="SEVERITY", help="Exit 1 from error, warning or info on, or never.", show_default=True
        ),
    ] = Threshold.WARNING,
    baseline: Annotated[
        str | None,
        typer.Option("--baseline", metavar="FILE", help="Only findings that are not in it fail.", show_default=False),
    ] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Write what is found to the baseline's file.")
    ] = False,
    watch: Annotated[
        str | None,
        typer.Option("--watch", metavar="D", help="Again every D; tell what changes.", show_default=False),
    ] = None,
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks and exit.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Explain one check and exit.", show_default=False)
    ] = None,
    output: Annotated[
        ReportFormat,
        typer.Option(
            "--output",
            "-o",
            metavar="FORMAT",
            help="table, json, jsonl, sarif, junit, github or markdown.",
            show_default=True,
        ),
    ] = ReportFormat.TABLE,
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
    since_seconds, window_seconds = _whole(since, "--since"), _whole(window, "--window")
    from bossctl.doctor import DoctorRequest

    request = DoctorRequest(
        queues=tuple(queue or ()),
        since_seconds=since_seconds,
        window_seconds=window_seconds,
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
    """Print what the catalogue says of one check, or of those chosen."""
    from bossctl.cli import shapes
    from bossctl.cli.views import findings as views
    from bossctl.doctor import choose, explain

    if manner.output not in list(Format):
        raise UsageError(f"checks are listed as table, json or jsonl, not {manner.output.value}", "-o json")
    printer = manner.printer(settings)
    chosen = choose(only, skip) if code is None else (explain(code),)
    if not printer.human:
        printer.rows({"checks": [shapes.check(one) for one in chosen]}, "checks")
    elif code is None:
        views.check_list(printer, chosen)
    else:
        views.check_explained(printer, chosen[0])
    return Exit.OK
