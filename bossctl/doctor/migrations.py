"""SCH03 and SCH06: background migrations that do not end, and a clock that is not the server's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import some
from bossctl.format import duration
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_schema import Clock, Migration, Migrations

ABANDONED_SECONDS = 300.0
"""pg-boss itself takes a command for abandoned when it is older than this and holds no lock."""

WAITING_SECONDS = 900.0
"""Processes look for background migrations every minute by default."""

RECLAIMS_FROM = 37
"""12.26.0: from there on a later pass takes an abandoned row up again."""

SHOWN = 20


def migration_stuck(readings: Readings) -> Iterator[Case]:
    """One case per migration that failed or was abandoned, and one when all that is left waits for nobody."""
    found, now = readings[Migrations], readings.ground.now
    failed: dict[str, list[Migration]] = defaultdict(list)
    abandoned: dict[str, list[Migration]] = defaultdict(list)
    for one in found.unfinished:
        if one.status == "failed":
            failed[one.name].append(one)
        elif _is_abandoned(one, now):
            abandoned[one.name].append(one)
    for name, rows in failed.items():
        yield _failed_case(name, rows, found)
    for name, rows in abandoned.items():
        yield _abandoned_case(name, rows, found, now)
    if not abandoned:
        yield from _waiting_case(found, now)


def _is_abandoned(one: Migration, now: datetime) -> bool:
    return one.status == "in_progress" and not one.locked and _age(one.started_on, now) > ABANDONED_SECONDS


def _age(moment: datetime | None, now: datetime) -> float:
    return float("inf") if moment is None else (now - moment).total_seconds()


def _failed_case(name: str, rows: Sequence[Migration], found: Migrations) -> Case:
    error = next((row.error for row in rows if row.error), None)
    return Case(
        queue=None,
        subject=f"failed {name}",
        certainty=Certainty.PROVEN,
        count=len(rows),
        since=_first(row.started_on for row in rows),
        message=f"the background migration {name} failed on {some(len(rows), 'table')}: {error or 'no error recorded'}",
        evidence=[_evidence(row) for row in rows[:SHOWN]],
        advice="mend what the error says; drop the invalid index it may have left (SCH02 names it), then run the"
        " command in the evidence outside a transaction and set the row's status in bam to completed",
        command=("info",),
    )


def _abandoned_case(name: str, rows: Sequence[Migration], found: Migrations, now: datetime) -> Case:
    since = _first(row.started_on for row in rows)
    waiting = sum(1 for row in found.unfinished if row.status == "pending")
    forever = found.number is not None and found.number < RECLAIMS_FROM
    blocks = f"; {some(waiting, 'other waits', 'others wait')} behind it" if waiting else ""
    return Case(
        queue=None,
        subject=f"abandoned {name}",
        certainty=Certainty.PROVEN,
        count=len(rows),
        since=since,
        message=f"the background migration {name} is in progress since {_how_long(since, now)} and nobody works on it:"
        f" no lock is held on {rows[0].table}{blocks}",
        evidence=[_evidence(row) for row in rows[:SHOWN]],
        advice="this release never takes it up again: set the row's status in bam back to pending while no migration"
        " runs, or upgrade to 12.26.0 or newer"
        if forever
        else "start a pg-boss process: its next pass takes it up again",
        command=("worker", "list"),
    )


def _waiting_case(found: Migrations, now: datetime) -> Iterator[Case]:
    waiting = [one for one in found.unfinished if one.status == "pending"]
    busy = any(one.status == "in_progress" for one in found.unfinished)
    oldest = _first(one.created_on for one in waiting)
    silent = _age(found.worked_on, now) > WAITING_SECONDS
    if not waiting or busy or not silent or _age(oldest, now) <= WAITING_SECONDS:
        return
    looked = "no process has ever looked for them"
    if found.worked_on is not None:
        looked = f"the last process looked for them {_how_long(found.worked_on, now)} ago"
    yield Case(
        queue=None,
        subject="waiting",
        certainty=Certainty.LIKELY,
        count=len(waiting),
        since=oldest,
        message=f"{some(len(waiting), 'background migration waits', 'background migrations wait')} for"
        f" {_how_long(oldest, now)}, and {looked}",
        evidence=[_evidence(one) for one in waiting[:SHOWN]],
        advice="start a pg-boss process of the newest release in use: it works on them within a minute; an older"
        " client on this schema does not",
        command=("worker", "list"),
    )


def _first(moments: Iterator[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _how_long(moment: datetime | None, now: datetime) -> str:
    return "an unknown time" if moment is None else duration(_age(moment, now))


def _evidence(one: Migration) -> Mapping[str, EvidenceValue]:
    return {
        "migration": one.name,
        "schema_number": one.version,
        "status": one.status,
        "table": one.table,
        "queue": one.queue,
        "created_on": one.created_on,
        "started_on": one.started_on,
        "locked": one.locked,
        "error": one.error,
        "sql": one.command,
    }


def test_clock_left_on(readings: Readings) -> Iterator[Case]:
    """At most one case."""
    if readings[Clock].overridden:
        yield Case(
            queue=None,
            subject="clock",
            certainty=Certainty.PROVEN,
            count=1,
            message="job_now() is a TestClock's: sessions that set pgboss.test_clock read a time kept in the table"
            " __pgboss_test_clock, so what they start, expire or delete does not follow the server's clock",
            evidence=[{"function": "job_now()", "overridden": True, "setting": "pgboss.test_clock"}],
            advice="end every test run that uses a TestClock on this schema, then let one dispose of its clock, or"
            " restore the body of job_now(): SELECT pg_catalog.now();",
            command=("info",),
        )


CHECKS: tuple[Check, ...] = (
    Check(
        code="SCH03",
        slug="migration-stuck",
        title="a background migration failed, or nobody works on it",
        severity=Severity.WARNING,
        needs=(Migrations,),
        what="Reads the background migrations (bam) that are not completed: failed ones; those in progress for more"
        " than 5 minutes without the lock that building takes; and pending ones older than 15 minutes when no process"
        " has looked for work since.",
        why="Until they are done indexes of the new schema are missing: fetches are slow, and from a unique index not"
        " built follow duplicates. In 12.6 to 12.25 one row left by a crash blocks all others for ever.",
        confirm="The table bam holds the command and the error; pg_stat_progress_create_index shows one that runs.",
        fix="Keep a process of the newest release running. Mend what the error names and run the command by hand.",
        releases="12.6.0 and newer; abandoned rows are taken up again from 12.26.0 on",
        judge=migration_stuck,
    ),
    Check(
        code="SCH06",
        slug="test-clock-left-on",
        title="job_now() is overridden: times are not real",
        severity=Severity.ERROR,
        needs=(Clock,),
        what="Looks whether the body of the schema's function job_now() is the one a TestClock installs.",
        why="A test that was killed leaves its clock behind. Sessions that opted in then live in the past or the"
        " future: jobs start, expire and are deleted at the wrong time.",
        confirm="\\sf pgboss.job_now in psql: the shipped body is SELECT pg_catalog.now();",
        fix="Restore the body, drop __pgboss_test_clock, and keep tests off this schema.",
        releases="12.33.0 and newer",
        judge=test_clock_left_on,
    ),
)
