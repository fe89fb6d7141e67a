"""SARIF 2.1.0, as code scanning takes it.

A finding has no file. Its logical location is the queue, and since code scanning refuses results without a file, its
physical one is a path made of schema and queue that no repository has.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bossctl import __version__
from bossctl.cli.document import to_json
from bossctl.cli.reports.verdict import Verdict
from bossctl.doctor import CHECKS
from bossctl.format import clean
from bossctl.models.findings import CheckResult, Finding, Report, Severity

if TYPE_CHECKING:
    from bossctl.doctor import Check

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_PROBLEMS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "recommendation"}
_FAMILIES = {"DUP": "duplicates", "STK": "stuck", "CFG": "configuration", "SCH": "schema"}
_LITERAL = str.maketrans({"[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def document(verdict: Verdict) -> str:
    """One log with one run."""
    return to_json({"$schema": SCHEMA, "version": "2.1.0", "runs": [_run(verdict)]}) + "\n"


def _run(verdict: Verdict) -> dict[str, Any]:
    report = verdict.report
    rules = _rules(report)
    places = {rule["id"]: place for place, rule in enumerate(rules)}
    target = report.target
    return {
        "tool": {
            "driver": {
                "name": "bossctl",
                "fullName": "bossctl doctor",
                "version": __version__,
                "semanticVersion": __version__,
                "rules": rules,
            }
        },
        "automationDetails": {"id": f"bossctl-doctor/{quote(target.database, '')}/{quote(target.schema, '')}/"},
        "invocations": [_invocation(verdict)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(verdict, one, places[one.code]) for one in report.findings],
    }


def _rules(report: Report) -> list[dict[str, Any]]:
    """The checks of the run; one that the catalogue does not have is described by its findings."""
    declared = {check.code: check for check in CHECKS}
    described = {one.code: one for one in report.findings}
    return [
        _rule(declared[one.code]) if one.code in declared else _rule_of(described[one.code])
        for one in report.checks
        if one.code in declared or one.code in described
    ]


def _rule(check: Check) -> dict[str, Any]:
    parts = (("What it tells", check.what), ("Why", check.why), ("Confirm", check.confirm), ("Fix", check.fix))
    texts = (*parts, ("Releases", check.releases))
    return {
        "id": check.code,
        "name": _pascal(check.slug),
        "shortDescription": {"text": _text(f"{check.title[:1].upper()}{check.title[1:]}.")},
        "fullDescription": {"text": _text(check.why)},
        "help": {
            "text": "\n\n".join(f"{title}: {_text(text)}" for title, text in texts),
            "markdown": "\n\n".join(f"**{title}.** {_text(text)}" for title, text in texts),
        },
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {
            "tags": ["pg-boss", _FAMILIES.get(check.family, check.family)],
            "problem.severity": _PROBLEMS[check.severity],
            "slug": check.slug,
            "why": check.why,
            "fix": check.fix,
        },
    }


def _rule_of(one: Finding) -> dict[str, Any]:
    told = f"{_text(one.why)}\n\nFix: {_text(one.remedy.text)}"
    return {
        "id": one.code,
        "name": _pascal(one.slug),
        "shortDescription": {"text": one.slug.replace("-", " ")},
        "fullDescription": {"text": _text(one.why)},
        "help": {"text": told, "markdown": told},
        "defaultConfiguration": {"level": LEVELS[one.severity]},
        "properties": {"problem.severity": _PROBLEMS[one.severity], "slug": one.slug, "why": one.why},
    }


def _pascal(slug: str) -> str:
    return "".join(word.capitalize() for word in slug.split("-"))


def _result(verdict: Verdict, one: Finding, rule: int) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ruleId": one.code,
        "ruleIndex": rule,
        "level": LEVELS[one.severity],
        "message": {"text": _text(f"{one.message}. Fix: {one.remedy.text}.")},
        "locations": [_location(verdict.report, one)],
        "partialFingerprints": {
            "bossctl/v1": one.fingerprint,
            "primaryLocationLineHash": f"{one.fingerprint.partition('-')[2] or one.fingerprint}:1",
        },
        "occurrenceCount": max(1, one.count),
    }
    if verdict.known is not None:
        shown["baselineState"] = "unchanged" if verdict.is_known(one) else "new"
    return shown | {"properties": _properties(one)}


def _properties(one: Finding) -> dict[str, Any]:
    return {
        "certainty": one.certainty.value,
        "queue": one.queue,
        "subject": one.subject,
        "count": one.count,
        "jobs": one.jobs,
        "since": one.since,
        "evidence": [dict(each) for each in one.evidence],
        "why": one.why,
        "remedy": {"text": one.remedy.text, "command": one.remedy.command},
        "fingerprint": one.fingerprint,
    }


def _location(report: Report, one: Finding) -> dict[str, Any]:
    target = report.target
    names = [target.database, target.schema, *([] if one.queue is None else [one.queue])]
    return {
        "physicalLocation": {
            "artifactLocation": {"uri": "/".join(["pg-boss", *map(_segment, names[1:])])},
            "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2},
        },
        "logicalLocations": [
            {
                "name": names[-1],
                "fullyQualifiedName": ".".join(names),
                "kind": "schema" if one.queue is None else "queue",
            }
        ],
    }


def _segment(name: str) -> str:
    """A name as one segment of a path, whatever is in it; one of dots only would climb."""
    return quote(name, "") if name.strip(".") else name.replace(".", "%2E") or "%20"


def _invocation(verdict: Verdict) -> dict[str, Any]:
    report = verdict.report
    started = report.taken_at
    skipped = [one for one in report.checks if one.reason is not None]
    return {
        "executionSuccessful": bool(verdict.ran) or not verdict.blind,
        "exitCode": int(verdict.exit_code),
        "startTimeUtc": started,
        "endTimeUtc": started + timedelta(seconds=report.elapsed_seconds),
        "toolExecutionNotifications": [_notification(verdict, one) for one in skipped],
    }


def _notification(verdict: Verdict, one: CheckResult) -> dict[str, Any]:
    return {
        "level": "warning" if one in verdict.blind else "note",
        "message": {"text": _text(f"{one.code} {one.slug} could not look: {one.reason}")},
        "associatedRule": {"id": one.code},
    }


def _text(text: str) -> str:
    """Text of a message: brackets would make links of it, braces would be placeholders."""
    return clean(text).translate(_LITERAL)
