"""SCH: what the schema itself says about the releases that made it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.known_bugs import BUGS, Bug, parse
from bossctl.doctor.words import listed, some
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import SchemaNumber, Supervision
from bossctl.models.releases import RELEASES
from bossctl.models.workers import Worker

WORST_SCHEMA = 21
"""Every release of it sends cron slots twice."""

_GENERATIONS = {"8-9": ("8.0.0", "9.0.3"), "10": ("10.0.0", "10.4.2"), "11-12": ("11.0.0", "12.38.0")}


def known_bug_release(readings: Readings) -> Iterator[Case]:
    """At most one case for the schema number, and one per release that a live instance registers."""
    yield from _schema_case(readings[SchemaNumber], readings.ground.generation)
    fleet: dict[str, list[Worker]] = defaultdict(list)
    for instance in readings[Supervision].instances or ():
        if instance.alive and instance.release:
            fleet[instance.release].append(instance)
    for release, instances in sorted(fleet.items(), key=lambda item: parse(item[0])):
        yield from _instance_case(release, instances)


def _schema_case(schema: SchemaNumber, generation: str) -> Iterator[Case]:
    if schema.number not in RELEASES:
        return
    fits = schema.releases is not None
    first, last = RELEASES[schema.number] if fits else _GENERATIONS[generation]
    found = {bug: share for bug in BUGS if (share := bug.overlap(first, last))}
    if not found:
        return
    sure = fits and "all" in found.values()
    yield Case(
        queue=None,
        subject="schema",
        certainty=Certainty.PROVEN if sure else Certainty.POSSIBLE,
        severity=Severity.WARNING if fits and schema.number == WORST_SCHEMA else None,
        count=len(found),
        message=_schema_message(schema, first, last, found),
        evidence=[
            {**_bug_evidence(bug), "in_releases_of_this_number": share if fits else "some"}
            for bug, share in found.items()
        ],
        advice=f"upgrade to {_cure(found)} or newer, or check each of these against the release in use; there is no"
        " upgrade in place from 9 to 10 nor from 10 to 11",
        command=("info",),
    )


def _schema_message(schema: SchemaNumber, first: str, last: str, found: Mapping[Bug, str]) -> str:
    if schema.releases is None:
        return (
            f"{schema.note} Releases {first} to {last} have such tables and {some(len(found), 'known bug')} that can"
            " run work twice or lose it; which of them this fork has, its number cannot tell"
        )
    shared = [bug.name for bug, share in found.items() if share == "all"]
    partial = [bug.name for bug, share in found.items() if share == "some"]
    told = (
        [f"{some(len(shared), 'known bug')} that can run work twice or lose it ({', '.join(shared)})"] if shared else []
    )
    if partial:
        told.append(f"{len(partial)} in only some of these releases, which it cannot tell apart ({', '.join(partial)})")
    releases = first if first == last else f"{first} to {last}"
    return f"the schema number {schema.number} stands for pg-boss {releases}: {listed(told)}"


def _instance_case(release: str, instances: Sequence[Worker]) -> Iterator[Case]:
    found = [bug for bug in BUGS if bug.affects(release)]
    if found:
        yield Case(
            queue=None,
            subject=f"release {release}",
            certainty=Certainty.PROVEN,
            count=len(found),
            message=f"{some(len(instances), 'live instance')} of pg-boss {release} ({_hosts(instances)}):"
            f" {some(len(found), 'known bug')} that can run work twice or lose it"
            f" ({', '.join(bug.name for bug in found)})",
            evidence=[_bug_evidence(bug) for bug in found],
            advice=f"upgrade these to {_cure(found)} or newer",
            command=("worker", "list"),
        )


def _hosts(instances: Sequence[Worker]) -> str:
    hosts = sorted({one.host or "unknown host" for one in instances})
    return listed(hosts[:3]) + (" …" if len(hosts) > 3 else "")


def _cure(found: Iterable[Bug]) -> str:
    return max((bug.fixed for bug in found), key=parse)


def _bug_evidence(bug: Bug) -> Mapping[str, EvidenceValue]:
    return {
        "bug": bug.name,
        "effect": bug.effect,
        "what": bug.told,
        "affected": bug.first if bug.first == bug.last else f"{bug.first} to {bug.last}",
        "fixed_in": bug.fixed,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        code="SCH01",
        slug="known-bug-release",
        title="the schema number or instance version belongs to releases with a known duplicate or loss bug",
        severity=Severity.INFO,
        needs=(SchemaNumber, Supervision),
        what="Looks up which releases make a schema of this number and which of the known bugs that duplicate or lose"
        " work they have; where instances register (12.36 and newer) also the release of each live instance.",
        why="These bugs are in the release, not in the application: they come back until every process is upgraded.",
        confirm="The schema number stands for a range of releases: compare with the version in the application's lock"
        " file. An older client also runs on a newer schema without complaint.",
        fix="Upgrade every pg-boss process to a release that has the fixes named in the evidence.",
        releases="8.0.0 to 12.34.0; a warning on schema 21 (10.0.0 to 10.0.5), where cron slots are sent twice",
        judge=known_bug_release,
    ),
)
