"""JUnit XML: one test case per check."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from bossctl.cli.reports.verdict import Verdict, plural
from bossctl.format import clean, iso, timestamp
from bossctl.models.findings import CheckResult, Finding, Status


def document(verdict: Verdict) -> str:
    """A suite with a case per check: failed by findings at or above the threshold that are not known, skipped with
    the reason, else passed. What does not fail is told in system-out.
    """
    report = verdict.report
    cases = [_case(verdict, check) for check in report.checks]
    totals = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{report.elapsed_seconds:.3f}",
    }
    root = ElementTree.Element("testsuites", {"name": "bossctl doctor", **totals})
    named = {"name": "bossctl doctor", **totals, "timestamp": iso(report.taken_at).removesuffix("Z")}
    suite = ElementTree.SubElement(root, "testsuite", named)
    _properties(suite, verdict)
    suite.extend(cases)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _properties(suite: ElementTree.Element, verdict: Verdict) -> None:
    target = verdict.report.target
    properties = ElementTree.SubElement(suite, "properties")
    for name in ("host", "port", "database", "schema"):
        ElementTree.SubElement(properties, "property", name=name, value=clean(str(getattr(target, name))))


def _case(verdict: Verdict, check: CheckResult) -> ElementTree.Element:
    mine = [one for one in verdict.report.findings if one.code == check.code]
    failing = [one for one in mine if verdict.fails(one)]
    case = ElementTree.Element(
        "testcase",
        name=f"{check.code} {check.slug}",
        classname=f"bossctl.doctor.{check.code[:3]}",
        time=f"{check.elapsed_seconds:.3f}",
    )
    if check.status is Status.SKIPPED:
        ElementTree.SubElement(case, "skipped", message=clean(check.reason or ""))
    if failing:
        _failure(case, failing)
    if others := [one for one in mine if one not in failing]:
        ElementTree.SubElement(case, "system-out").text = "\n\n".join(_told(verdict, one) for one in others)
    return case


def _failure(case: ElementTree.Element, failing: Sequence[Finding]) -> None:
    first = failing[0]
    more = f" (and {plural(len(failing) - 1, 'other finding')})" if len(failing) > 1 else ""
    failure = ElementTree.SubElement(case, "failure", message=clean(first.message) + more, type=first.severity.value)
    failure.text = "\n\n".join([*(_details(one) for one in failing), f"why: {first.why}"])


def _told(verdict: Verdict, one: Finding) -> str:
    return ("known: " if verdict.is_known(one) else "") + _details(one)


def _details(one: Finding) -> str:
    lines = [f"{one.severity.value} ({one.certainty.value}): {one.message}"]
    lines += [f"since {timestamp(one.since)}"] if one.since else []
    lines += [f"jobs: {', '.join(one.jobs)}"] if one.jobs else []
    lines += [f"fix: {one.remedy.text}", *([one.remedy.command] if one.remedy.command else [])]
    lines += [f"fingerprint: {one.fingerprint}"]
    return "\n".join(map(clean, lines))
