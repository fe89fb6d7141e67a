"""SCH04: job tables and indexes that are far larger than what they hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import ago, listed, some
from bossctl.format import size
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_storage import HorizonHolder, LooseIndex, LooseTable, Storage, StorageWarning
from bossctl.sql.job_indexes import rebuilding

PAGE_BYTES = 8192

TOO_LARGE = 4
"""How many times the pages needed pg-boss bears before it speaks of bloat."""

TOLD = 3

_MEANT = {
    "index_bloat": (
        "indexes are bloated",
        "let pg-boss rebuild them (its reindex option), or run REINDEX INDEX yourself",
    ),
    "xmin_horizon": ("vacuum cannot remove dead rows", "end the transaction, or drop the slot, that the warning names"),
    "autovacuum_disabled": ("autovacuum is off and dead rows pile up", "turn autovacuum on for the table it names"),
}


def bloat(readings: Readings) -> Iterator[Case]:
    """One case per table and kind, and one per kind of warning that pg-boss stored."""
    found, now = readings[Storage], readings.ground.now
    for table in found.tables:
        if table.dirty:
            yield _dead_case(table, found.holders, now)
        if table.needed is not None and table.pages > TOO_LARGE * max(table.needed, 1):
            yield _size_case(table, table.needed)
    tables: dict[str, list[LooseIndex]] = defaultdict(list)
    for index in found.indexes:
        if index.pages > TOO_LARGE * index.needed:
            tables[index.table].append(index)
    for indexes in tables.values():
        yield _index_case(sorted(indexes, key=lambda one: (-one.pages, one.index)), found.schema)
    for warning in found.warnings:
        yield _warning_case(warning, now)


def _described(table: str, queue: str | None) -> str:
    return table if queue is None else f"the partition of queue {queue}"


def _dead_case(table: LooseTable, holders: Sequence[HorizonHolder], now: datetime) -> Case:
    holder = next((one for one in holders if _outlasts(one, table)), None)
    last = f"last vacuumed {ago(table.vacuumed_on, now)}" if table.vacuumed_on else "never vacuumed"
    if not table.autovacuum:
        sure, because = (
            Certainty.PROVEN,
            "autovacuum is off for it" + (f", and {_keeps(holder, now)}" if holder else ""),
        )
        advice = "turn autovacuum on again (the table's autovacuum_enabled, or the server's autovacuum), then VACUUM it"
    elif holder:
        sure, because = Certainty.LIKELY, _keeps(holder, now)
        advice = "end what holds the horizon back: idle transactions by idle_in_transaction_session_timeout"
    else:
        sure, because = Certainty.POSSIBLE, "autovacuum is late, or slower than they come"
        advice = "look again in some minutes; if they stay, lower autovacuum_vacuum_scale_factor for the table"
    return Case(
        queue=table.queue,
        subject=f"dead rows of {table.table}",
        certainty=sure,
        count=table.dead,
        since=table.vacuumed_on,
        message=f"{_described(table.table, table.queue)} holds {table.dead:,} dead rows beside {table.live:,} live ones"
        f" by the server's statistics, where autovacuum would come at {table.budget:,.0f}; {last}: {because}",
        evidence=[_table_evidence(table), *(_holder_evidence(one) for one in holders if _outlasts(one, table))],
        advice=advice,
        command=("info",),
    )


def _outlasts(one: HorizonHolder, table: LooseTable) -> bool:
    """Began before the last vacuum; of other roles' sessions nobody but a monitor sees when they did."""
    return table.vacuumed_on is not None and (one.began is None or one.began < table.vacuumed_on)


def _keeps(one: HorizonHolder, now: datetime) -> str:
    pid = f" {one.pid}" if one.pid else ""
    name = f" ({one.name})" if one.name else ""
    began = f", begun {ago(one.began, now)}," if one.began else ""
    age = some(one.transactions, "transaction")
    return f"a {one.kind}{pid}{name}{began} {age} old, keeps vacuum from removing them"


def _size_case(table: LooseTable, needed: float) -> Case:
    return Case(
        queue=table.queue,
        subject=f"size of {table.table}",
        certainty=Certainty.LIKELY,
        count=1,
        message=f"{_described(table.table, table.queue)} takes {size(table.pages * PAGE_BYTES)} for about"
        f" {table.rows:,.0f} rows, which would need {size(int(max(needed, 1)) * PAGE_BYTES)}: estimated from the"
        " planner's statistics",
        evidence=[_table_evidence(table)],
        advice="new jobs fill the room again; VACUUM FULL gives it back, but locks out every worker meanwhile",
        command=("info",),
    )


def _index_case(indexes: Sequence[LooseIndex], schema: str) -> Case:
    table, queue = indexes[0].table, indexes[0].queue
    pages, needed = sum(one.pages for one in indexes), sum(one.needed for one in indexes)
    names = listed(one.index for one in indexes[:TOLD]) + (" …" if len(indexes) > TOLD else "")
    return Case(
        queue=queue,
        subject=f"indexes of {table}",
        certainty=Certainty.LIKELY,
        count=len(indexes),
        message=f"{some(len(indexes), 'index', 'indexes')} of {_described(table, queue)}"
        f" {'takes' if len(indexes) == 1 else 'take'} {size(pages * PAGE_BYTES)}, {pages / needed:,.0f} times what"
        f" the entries would need ({names}), by the planner's statistics: a backlog that was worked off leaves them so",
        evidence=[
            {"index": one.index, "table": table, "pages": one.pages, "entries": one.entries, "pages_needed": one.needed}
            for one in indexes[:20]
        ],
        advice="12.29 and newer rebuild them by themselves where they own the tables; else do so at a quiet time, each"
        f" outside a transaction: {rebuilding(schema, indexes[0].index)}",
        command=("info",),
    )


def _warning_case(warning: StorageWarning, now: datetime) -> Case:
    meaning, advice = _MEANT.get(warning.type, (warning.type, "see the warning"))
    return Case(
        queue=None,
        subject=f"warning {warning.type}",
        certainty=Certainty.PROVEN,
        count=warning.times,
        since=warning.first_on,
        message=f"pg-boss warned {some(warning.times, 'time')} that {meaning}, last {ago(warning.last_on, now)}:"
        f" {warning.message}",
        evidence=[
            {"type": warning.type, "times": warning.times, "last_on": warning.last_on, "message": warning.message}
        ],
        advice=advice,
        command=("info",),
    )


def _table_evidence(table: LooseTable) -> Mapping[str, EvidenceValue]:
    return {
        "table": table.table,
        "live_rows": table.live,
        "dead_rows": table.dead,
        "autovacuum_at": round(table.budget),
        "autovacuum": table.autovacuum,
        "last_vacuum": table.vacuumed_on,
        "pages": table.pages,
        "pages_needed": table.needed,
    }


def _holder_evidence(one: HorizonHolder) -> Mapping[str, EvidenceValue]:
    return {
        "holder": one.kind,
        "name": one.name,
        "pid": one.pid,
        "state": one.state,
        "transactions": one.transactions,
        "began": one.began,
    }


CHECKS: tuple[Check, ...] = (
    Check(
        code="SCH04",
        slug="bloat",
        title="dead rows or a held-back horizon slow the job table",
        severity=Severity.INFO,
        needs=(Storage,),
        what="Reads the server's statistics of the job tables, their indexes and the archive, and no job: more than"
        " 10,000 dead rows and more than twice what autovacuum waits for, with what may hold it back; tables over 10 MB"
        " and indexes over 1 MB that take more than four times what their rows need; and the warnings that pg-boss"
        " stored about these (12.29 and newer, with persistWarnings).",
        why="Each fetch walks over dead rows and empty pages: workers get slower the more jobs have gone through.",
        confirm="pg_stat_user_tables shows n_dead_tup and the last vacuums; bossctl info shows the sizes. The sizes"
        " needed are estimates from the last ANALYZE.",
        fix="Let autovacuum do its work: end old transactions, turn it on, make it come earlier; rebuild bloated"
        " indexes with REINDEX INDEX CONCURRENTLY.",
        releases="all; pg-boss's own warnings since 12.29.0",
        judge=bloat,
    ),
)
