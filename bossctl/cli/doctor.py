"""`bossctl doctor`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossctl.cli.options import settings_of
from bossctl.cli.output import Printer
from bossctl.cli.settings import Settings, seconds
from bossctl.errors import Exit, UsageError

if TYPE_CHECKING:
    from bossctl.doctor import DoctorRequest
    from bossctl.models.findings import Report


class ReportFormat(StrEnum):
    """How doctor can report."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class Threshold(StrEnum):
    """From which severity on findings make the exit code 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


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
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks and exit.")] = False,
    explain: Annotated[
        str | None, typer.Option("--explain", metavar="CODE", help="Explain one check and exit.", show_default=False)
    ] = None,
    output: Annotated[
        ReportFormat, typer.Option("--output", "-o", metavar="FORMAT", help="table, json or jsonl.", show_default=True)
    ] = ReportFormat.TABLE,
) -> int:
    """Find jobs that ran twice, stuck work, and what causes them.

    \b
    Example:
      bossctl doctor --only DUP --since 24h
    """
    settings = settings_of(ctx)
    printer = Printer(settings, output.value)
    if explain is not None:
        return _explain(printer, explain)
    if list_checks:
        return _list(printer, _codes(only), _codes(skip))
    since_seconds, window_seconds = _whole(since, "--since"), _whole(window, "--window")
    from bossctl.doctor import DoctorRequest

    request = DoctorRequest(
        queues=tuple(queue or ()),
        since_seconds=since_seconds,
        window_seconds=window_seconds,
        only=_codes(only),
        skip=_codes(skip),
    )
    return diagnose(settings, request, printer, fail_on)


def diagnose(
    settings: Settings,
    request: DoctorRequest | None = None,
    printer: Printer | None = None,
    fail_on: Threshold = Threshold.WARNING,
) -> int:
    """Run doctor, print the report on stdout and return the exit code."""
    from bossctl import doctor as checks
    from bossctl.cli import bridge, shapes, talk
    from bossctl.cli.views import findings as views
    from bossctl.doctor import DoctorRequest

    printer = printer or Printer(settings, "table")
    asked = request or DoctorRequest()
    checks.choose(asked.only, asked.skip)  # a wrong code is told before anything is connected to
    progress = talk.Progress(colourless=settings.colourless)
    try:
        report = bridge.read(settings, lambda store: checks.run(store, asked, progress))
    finally:
        progress.done()
    if printer.human:
        views.report(printer, report)
    elif printer.format == "json":
        printer.single(shapes.report(report))
    else:
        printer.lines(_typed_lines(shapes.report(report)))
    return exit_code(report, fail_on)


def exit_code(report: Report, fail_on: Threshold) -> Exit:
    """1 when findings reach the threshold, else 6 (4 when no check could) when some could not look, else 0."""
    from bossctl.models.findings import Severity, Status

    if fail_on is not Threshold.NEVER:
        limit = Severity(fail_on.value).rank
        if any(finding.severity.rank <= limit for finding in report.findings):
            return Exit.FINDINGS
    blind = [
        check
        for check in report.checks
        if check.status is Status.SKIPPED and not (check.reason or "").startswith("era")
    ]
    if not blind:
        return Exit.OK
    return Exit.PARTLY if any(check.status is not Status.SKIPPED for check in report.checks) else Exit.UNSUPPORTED


def _typed_lines(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *({"type": "check", **one} for one in body["checks"]),
        *({"type": "finding", **one} for one in body["findings"]),
        {"type": "summary", "target": body["target"], **body["summary"]},
    ]


def _codes(given: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(code.strip() for item in given or () for code in item.split(",") if code.strip())


def _whole(text: str, option: str) -> int:
    value = seconds(text, option)
    if value < 1:
        raise UsageError(f"{option} must be at least a second", f"{option} 60s")
    return value


def _list(printer: Printer, only: tuple[str, ...], skip: tuple[str, ...]) -> int:
    from bossctl.cli import shapes
    from bossctl.cli.views import findings as views
    from bossctl.doctor import choose

    chosen = choose(only, skip)
    if printer.human:
        views.check_list(printer, chosen)
    else:
        printer.rows({"checks": [shapes.check(one) for one in chosen]}, "checks")
    return Exit.OK


def _explain(printer: Printer, code: str) -> int:
    from bossctl.cli import shapes
    from bossctl.cli.views import findings as views
    from bossctl.doctor import explain

    check = explain(code)
    if printer.human:
        views.check_explained(printer, check)
    else:
        printer.rows({"checks": [shapes.check(check)]}, "checks")
    return Exit.OK
