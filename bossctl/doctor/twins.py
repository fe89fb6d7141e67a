"""DUP15: the same schedules at work in two schemas of one database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import listed, some
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings_duplicates import Twin, Twins

ALIVE_SECONDS = 600
"""A scheduler passes every minute at least."""

TOLD = 3
SHOWN = 20


def two_schemas(readings: Readings) -> Iterator[Case]:
    """One case per other schema whose scheduler is alive, if this one's is."""
    found, now = readings[Twins], readings.ground.now
    for twin in found.found:
        if _alive(twin.cron_on, now) and _alive(twin.other_cron_on, now):
            yield _case(found.schema, twin)


def _alive(cron_on: datetime | None, now: datetime) -> bool:
    return cron_on is not None and (now - cron_on).total_seconds() < ALIVE_SECONDS


def _case(schema: str, twin: Twin) -> Case:
    queues = sorted({queue for queue, _ in twin.schedules})
    more = " …" if len(queues) > TOLD else ""
    return Case(
        queue=None,
        subject=f"schema {twin.schema}",
        certainty=Certainty.LIKELY,
        count=len(twin.schedules),
        message=f"the schemas {schema} and {twin.schema} of this database have"
        f" {some(len(twin.schedules), 'schedule')} in common (of {some(len(queues), 'queue')}:"
        f" {listed(queues[:TOLD])}{more}), and the scheduler of each passed less than 10 minutes ago",
        evidence=[
            {
                "queue": queue,
                "cron": cron,
                "schema": schema,
                "cron_on": twin.cron_on,
                "other_schema": twin.schema,
                "other_cron_on": twin.other_cron_on,
            }
            for queue, cron in twin.schedules[:SHOWN]
        ],
        advice="if both do the same work for the same application (an upgrade beside the old one, a forgotten"
        " deployment), stop the processes of one of them",
        command=("schedule", "list"),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP15",
        slug="two-schemas-same-work",
        title="two pg-boss schemas with the same queues and schedules, both alive",
        severity=Severity.WARNING,
        needs=(Twins,),
        what="Looks in the other pg-boss schemas of this database that this role may read for schedules with the same"
        " queue and expression, where the schedulers of both schemas passed within 10 minutes. Other databases"
        " and servers cannot be seen from here.",
        why="Each schema fires its own schedules: the same work is done twice, by jobs unaware of each other.",
        confirm="Compare bossctl schedule list for both schemas. Tenants that each have a schema look the same.",
        fix="Stop the processes of the schema that should not work any more.",
        releases="all",
        judge=two_schemas,
    ),
)
