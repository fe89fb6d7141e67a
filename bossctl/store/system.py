"""Readings of the schema as a whole: what it is, its background duties, its schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bossctl.models.common import Target
from bossctl.models.releases import FEATURES, NEWEST_KNOWN, releases_of
from bossctl.models.schema import Age, Capability, Info, PgBossInfo, Relation, ServerInfo
from bossctl.sql.catalog import Catalog
from bossctl.store.connections import Row
from bossctl.store.session import Transaction
from bossctl.store.workers import read_workers

_LAYOUTS = {
    "plain": "one ordinary job table",
    "queues": "one partition per queue",
    "common": "job_common, with partitions for queues that ask for one",
}

_NUMBERS = {"8-9": range(21), "10": range(21, 25), "11-12": range(25, 10_000)}

_DUTIES: tuple[tuple[str, str, str], ...] = (
    ("maintenance", "version.maintained_on", "maintained_on"),
    ("maintenance", "queue.maintain_on", "maintain_on"),
    ("monitor", "queue.monitor_claim_on", "monitor_claim_on"),
    ("counters", "queue.monitor_on", "monitor_on"),
    ("cron", "version.cron_on", "cron_on"),
    ("background migrations", "version.bam_on", "bam_on"),
    ("flow resolver", "version.flow_on", "flow_on"),
    ("reindex", "version.reindex_on", "reindex_on"),
)


async def read_info(transaction: Transaction, target: Target) -> Info:
    """Everything `bossctl info` prints, in one snapshot."""
    catalog = transaction.queries.catalog
    server = await _row(transaction, "server")
    version = await transaction.row("version") or {}
    supervisor = await _row(transaction, "supervisor")
    sizes = await transaction.rows("sizes", {"schema": catalog.schema})
    workers = await read_workers(transaction)
    schemas = [row["name"] for row in await transaction.rows("schemas")]
    return Info(
        target=target,
        server=ServerInfo(
            server["version"].split()[0],
            server["version_num"],
            server["standby"],
            server["now"],
            server["started_on"],
        ),
        pgboss=pgboss_info(catalog, version.get("version")),
        capabilities=tuple(Capability(item.name, catalog.has(item.fact), item.since) for item in FEATURES),
        sizes=tuple(Relation(**row) for row in sizes),
        ages=duty_ages(catalog, {**version, **supervisor}, server["now"]),
        instances=workers.workers if workers.source == "registry" else (),
        queues=supervisor["queues"] if catalog.has("queue") else None,
        other_schemas=tuple(name for name in schemas if name != catalog.schema),
    )


async def read_landmarks(transaction: Transaction) -> tuple[int | None, bool]:
    """The schema's number, None where the version table is empty, and whether the server is a standby."""
    found = await _row(transaction, "landmarks")
    return found["number"], found["standby"]


def pgboss_info(catalog: Catalog, number: int | None) -> PgBossInfo:
    """What the schema says it is, checked against what it looks like."""
    generation = catalog.generation
    fits = number is not None and number in _NUMBERS[generation]
    note = None
    if number is None:
        note = "the version table is empty"
    elif not fits:
        note = f"schema number {number} does not fit its tables, which are those of pg-boss {generation}: a fork?"
    elif number > NEWEST_KNOWN:
        note = f"schema {number} is newer than any bossctl knows ({NEWEST_KNOWN}); it is shown as its tables are"
    return PgBossInfo(number, releases_of(number) if fits else None, generation, _LAYOUTS[catalog.layout], note)


def duty_ages(catalog: Catalog, stamps: Mapping[str, Any], now: datetime) -> tuple[Age, ...]:
    """When each background duty ran last, from the stamps of the version table and of the queues."""
    ages: dict[str, Age] = {}
    for name, fact, column in _DUTIES:
        at = stamps.get(column)
        known = catalog.has(fact)
        if known or name not in ages:
            ages[name] = Age(name, at, (now - at).total_seconds() if at else None, known)
    return tuple(ages.values())


async def _row(transaction: Transaction, name: str) -> Row:
    row = await transaction.row(name)
    if row is None:
        raise LookupError(f"the statement {name} returns one row")
    return row
