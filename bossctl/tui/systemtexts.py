"""The parts of the system screen as they are shown: rows, sums, and what each row means; harmless text only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.text import Text
from textual.content import Content

from bossctl import format as fmt
from bossctl.models.findings import Finding, Report
from bossctl.models.readings_schema import Migration
from bossctl.models.readings_storage import HorizonHolder
from bossctl.models.upkeep import (
    CounterAges,
    Duties,
    Horizon,
    IndexHealth,
    IndexRoom,
    MigrationWork,
    StoredWarning,
    StoredWarnings,
    TableRoom,
    TableRooms,
)
from bossctl.tui.findingtexts import mark_of
from bossctl.tui.sections import Facts, Part
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell, Row, Tone
from bossctl.tui.words import distance, moment, plural

DETAIL = 6
"""Lines of the detail with the line above it."""

DIRTY = 2.0
"""Dead rows beyond so many times what autovacuum waits for are worth a look, as doctor has it."""
DIRTY_ROWS = 10_000
HELD_SECONDS = 300.0
"""A transaction that is older holds vacuum back noticeably."""

DUTIES = (
    Column("duty", "DUTY", width=22, min_width=14),
    Column("last", "LAST", width=10, align="right"),
    Column("at", "AT", width=20, min_width=20, priority=1),
)
WARNINGS = (
    Column("age", "AGE", width=7, align="right"),
    Column("type", "TYPE", min_width=8, max_width=20, fit=True),
    Column("message", "MESSAGE", width=20, min_width=12, flex=1),
)
MIGRATIONS = (
    Column("status", "STATUS", width=13),
    Column("builds", "BUILDS", width=20, min_width=8, flex=1, priority=1),
    Column("table", "TABLE", width=14, min_width=8, flex=1),
    Column("age", "AGE", width=7, align="right"),
    Column("error", "ERROR", width=10, min_width=8, flex=2, priority=2),
)
INDEXES = (
    Column("state", "STATE", width=10),
    Column("index", "INDEX", min_width=8, max_width=30, fit=True),
    Column("table", "TABLE", width=16, min_width=14, flex=1),
    Column("size", "SIZE", width=10, align="right", priority=1),
    Column("scans", "SCANS", width=7, align="right", priority=2, tooltip="uses since the statistics were reset"),
)
TABLES = (
    Column("table", "TABLE", width=26, min_width=10, flex=1),
    Column("size", "SIZE", width=10, align="right", tooltip="with its indexes"),
    Column("indexes", "INDEXES", width=10, align="right", priority=4),
    Column("rows", "ROWS", width=7, align="right", priority=3, tooltip="as the planner estimates"),
    Column("dead", "DEAD", width=6, align="right", tooltip="dead rows by the server's statistics"),
    Column("vacuum", "VACUUMED", width=9, align="right", priority=1, tooltip="since the last vacuum, by hand or auto"),
    Column("analyze", "ANALYZED", width=9, align="right", priority=2),
)
HORIZON = (
    Column("kind", "HELD BY", width=20, min_width=12),
    Column("name", "NAME", width=10, min_width=6, flex=1),
    Column("pid", "PID", width=7, align="right", priority=1),
    Column("age", "FOR", width=8, align="right"),
    Column("transactions", "TRANSACTIONS", width=12, align="right", priority=2, tooltip="that began since"),
)
CODES: Mapping[str, tuple[str, ...]] = {
    "duties": ("STK07", "STK08", "STK13", "SCH05", "SCH06"),
    "migrations": ("SCH03",),
    "indexes": ("SCH02", "DUP07"),
    "tables": ("SCH04",),
}
"""The checks of doctor that judge what a part shows."""
JUDGES: Mapping[str, tuple[str, ...]] = {
    "maintenance": ("STK07",),
    "monitor": ("STK07",),
    "cron": ("STK08", "STK13"),
    "counters": ("SCH05",),
}
"""Of those of the duties the ones that speak of a single one, by the beginning of its name."""


def judged(report: Report | None, key: str) -> list[Finding]:
    """What doctor found about a part."""
    return [one for one in report.findings if one.code in CODES.get(key, ())] if report is not None else []


def mark(report: Report | None, key: str) -> Content:
    """The worst of it, with the codes; empty for nothing."""
    found = judged(report, key)
    return mark_of(found) if found else Content("")


def _sayings(found: Iterable[Finding]) -> Facts:
    return [(one.code, one.message) for one in found]


def _first(found: Sequence[Finding], code: str = "") -> str:
    """Where a row leads: to the first finding, else to whatever the check found."""
    return found[0].fingerprint if found else code


def _own_first(duty: str, found: Iterable[Finding]) -> list[Finding]:
    """What speaks of this duty before what speaks of the others."""
    codes = next((codes for name, codes in JUDGES.items() if duty.startswith(name)), ())
    return sorted(found, key=lambda one: one.code not in codes)


class _Rows:
    """A part's rows while they are made. Keys that come twice are told apart by a number."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.told: dict[str, Facts] = {}
        self.leads: dict[str, str] = {}
        self.queues: dict[str, str] = {}

    def add(
        self,
        key: str,
        cells: Iterable[Cell],
        told: Facts,
        tone: Tone = "",
        *,
        leads: str = "",
        queue: str | None = None,
    ) -> None:
        twins = sum(row.key.partition("\n")[0] == key for row in self.rows)
        key = f"{key}\n{twins}" if twins else key
        self.rows.append(Row(key, tuple(cells), tone))
        self.told[key] = told
        if leads:
            self.leads[key] = leads
        if queue is not None:
            self.queues[key] = queue

    def part(self, total: str = "", note: str = "") -> Part:
        return Part(self.rows, total, note, self.told, self.leads, self.queues)


def _ago(at: datetime | None, now: datetime) -> str:
    seconds = distance(at, now)
    return fmt.ABSENT if seconds is None else fmt.age(max(0.0, seconds))


# --- duties


def duties(found: Duties, report: Report | None) -> Part:
    """When the background duties ran last, and how old the cached counts are."""
    made, now = _Rows(), found.taken_at
    found_of_it = judged(report, "duties")

    def add(name: str, at: datetime | None, *told: tuple[str, str], tone: Tone = "") -> None:
        last = "never" if at is None else f"{_ago(at, now)} ago"
        cells = (name, last, fmt.timestamp(at) if at else fmt.ABSENT)
        found = _own_first(name, found_of_it)
        made.add(name, cells, (("last", moment(at, now)), *told, *_sayings(found)), tone, leads=_first(found))

    for one in found.ages:
        if one.known and (one.name != "counters" or found.counters is None):
            add(one.name, one.at, tone="muted" if one.at is None else "")
    counters = found.counters
    if counters is not None and counters.queues:
        queues = ("queues", _counted(counters))
        add("counters, oldest", counters.oldest_on, queues)
        add("counters, newest", counters.newest_on, queues)
    until = distance(found.backoff_until, now)
    if until is not None and until < 0 and found.backoff_until is not None:
        why = "the last count held back vacuum for too long: pg-boss counts again after this"
        cells = ("counting pauses", f"for {fmt.age(-until)}", fmt.timestamp(found.backoff_until))
        found_of_them = _own_first("counters", found_of_it)
        made.add("backoff", cells, (("why", why), *_sayings(found_of_them)), "warning", leads=_first(found_of_them))
    missing = [one.name for one in found.ages if not one.known]
    note = f"This schema does not record: {', '.join(missing)}." if missing else ""
    return made.part(_counted(counters) if counters is not None and counters.never else "", note)


def _counted(counters: CounterAges) -> str:
    queues = plural(counters.queues, "queue")
    return f"{queues}, {fmt.count(counters.never)} never counted" if counters.never else f"{queues}, all counted"


# --- warnings


def warnings(found: StoredWarnings, report: Report | None) -> Part:
    """What pg-boss warned of, newest first."""
    made, now = _Rows(), found.taken_at
    for one in found.rows:
        message = fmt.clean(one.message)
        cells = (_ago(one.created_on, now), fmt.clean(one.type), message)
        made.add(one.id, cells, _warning(one, now))
    shown = f"the newest {len(found.rows)}" if found.more else fmt.count(len(found.rows))
    return made.part(shown if found.rows else "", "" if found.rows else _no_warnings(found))


def _warning(one: StoredWarning, now: datetime) -> Facts:
    told: list[tuple[str, Text | str]] = [
        ("type", one.type),
        ("at", moment(one.created_on, now)),
        ("says", one.message),
    ]
    return [*told, *([("data", one.data)] if one.data is not None else [])]


def _no_warnings(found: StoredWarnings) -> str:
    if found.keepers:
        return f"None is stored; {plural(found.keepers, 'live instance')} would store them."
    off = "persistWarnings is off unless asked for"
    if found.live:
        return f"None is stored, and no live instance stores any: {off}."
    return f"None is stored; {off}."


# --- background migrations


def migrations(found: MigrationWork, report: Report | None) -> Part:
    """What is left of the background migrations: what failed first."""
    made, now = _Rows(), found.taken_at
    found_of_it = judged(report, "migrations")
    order = ("failed", "in_progress", "pending")
    ranked = sorted(found.unfinished, key=lambda one: order.index(one.status) if one.status in order else len(order))
    for one in ranked:
        tone: Tone = "error" if one.status == "failed" else ""
        cells = (
            f"{'✗' if tone else '…'} {fmt.clean(one.status)}",
            fmt.clean(one.builds or fmt.ABSENT),
            fmt.clean(one.queue or one.table),
            _ago(one.started_on or one.created_on, now),
            fmt.clean(one.error or ""),
        )
        key = f"{one.name} {one.version} {one.table} {one.builds}"
        told = (*_migration(one, now), *_sayings(found_of_it))
        made.add(key, cells, told, tone, leads=_first(found_of_it, "SCH03" if one.status == "failed" else ""))
    parts = [f"{len(found.unfinished)} left" if found.unfinished else "", f"{fmt.count(found.completed)} done"]
    parts.append(f"looked for {_ago(found.worked_on, now)} ago" if found.worked_on else "never looked for")
    note = "" if found.unfinished else "Nothing is left to do."
    return made.part(" · ".join(filter(None, parts)), note)


def _migration(one: Migration, now: datetime) -> Facts:
    told: list[tuple[str, Text | str]] = [
        ("migration", f"{one.name} of schema {one.version}, {one.status}"),
        ("asked for", moment(one.created_on, now)),
        ("started", moment(one.started_on, now)),
    ]
    told += [("error", one.error)] if one.error else []
    if one.status == "in_progress":
        told.append(
            ("lock", "held: it is being worked on" if one.locked else "none is held: nobody may be working on it")
        )
    return [*told, ("command", one.command)]


# --- indexes


def indexes(found: IndexHealth, findings: Iterable[Finding]) -> Part:
    """What doctor's SCH02 says of them, then the largest."""
    made = _Rows()
    owners = {table.name: table.queue for table in found.indexes.tables if table.queue is not None}
    told = [(one, evidence) for one in findings for evidence in one.evidence]
    for one, evidence in told:
        state, name, table = (str(evidence.get(key)) for key in ("state", "index", "table"))
        sign, tone = ("…", "") if state == "building" else ("✗", "error")
        cells = (f"{sign} {state}", _short(name, table), _owner(table, owners), "", "")
        facts: Facts = (("index", name), ("what", one.message), ("fix", one.remedy.text))
        leads = "" if state == "building" else one.fingerprint
        made.add(f"{state} {name}", cells, facts, tone, leads=leads, queue=owners.get(table))
    named = {str(evidence.get("index")) for _, evidence in told}
    for room in found.largest:
        if room.name not in named:
            _index(made, room, owners)
    bad = [state for state in ("missing", "invalid", "left over", "building") if _times(told, state)]
    parts = [f"{_times(told, state)} {state}" for state in bad] or ["none missing or invalid"]
    return made.part(" · ".join([*parts, plural(found.total, "index").replace("indexs", "indexes")]))


def _times(told: Iterable[tuple[Finding, Mapping[str, object]]], state: str) -> int:
    return sum(evidence.get("state") == state for _, evidence in told)


def _index(made: _Rows, room: IndexRoom, owners: Mapping[str, str]) -> None:
    cells = (
        "✓ valid" if room.valid else "✗ invalid",
        _short(room.name, room.table),
        _owner(room.table, owners),
        fmt.size(room.total_bytes),
        fmt.count(room.scans),
    )
    facts: Facts = (("index", room.name), ("table", room.table), ("size", fmt.size(room.total_bytes)))
    tone: Tone = "" if room.valid else "error"
    made.add(
        f"index {room.name}", cells, facts, tone, leads="" if room.valid else "SCH02", queue=owners.get(room.table)
    )


def _short(index: str, table: str) -> str:
    """Without the name of a partition, which is a hash: the queue stands beside it."""
    partition = len(table) == 57 and index.startswith(f"{table}_")
    return fmt.clean(index[len(table) + 1 :] if partition else index)


def _owner(table: str, owners: Mapping[str, str]) -> str:
    return fmt.clean(f"queue {owners[table]}" if table in owners else table)


# --- tables


def tables(found: TableRooms, report: Report | None) -> Part:
    """The largest tables with their dead rows and last vacuums."""
    made, now = _Rows(), found.taken_at
    bloated = {str(row.get("table")): one for one in judged(report, "tables") for row in one.evidence}
    for one in found.tables:
        vacuumed = max(filter(None, (one.vacuumed_on, one.autovacuumed_on)), default=None)
        cells = (
            fmt.clean(f"queue {one.queue}" if one.queue is not None else one.name),
            fmt.size(one.total_bytes),
            fmt.size(one.index_bytes),
            fmt.count(one.rows, estimate=True),
            fmt.count(one.dead),
            "never" if vacuumed is None else _ago(vacuumed, now),
            "never" if one.analyzed_on is None else _ago(one.analyzed_on, now),
        )
        finding = bloated.get(one.name)
        told = (*_table(one, now), *_sayings([finding] if finding else []))
        tone: Tone = "warning" if finding or _is_dirty(one) else ""
        made.add(one.name, cells, told, tone, leads=_first([finding] if finding else []), queue=one.queue)
    shown = f"the largest {len(found.tables)} of " if len(found.tables) < found.total else ""
    return made.part(f"{shown}{plural(found.total, 'table')}, {fmt.size(found.total_bytes)}")


def _is_dirty(one: TableRoom) -> bool:
    return one.dead is not None and one.dead > DIRTY_ROWS and one.dead > DIRTY * one.budget


def _table(one: TableRoom, now: datetime) -> Facts:
    return (
        ("table", one.name + (f", the partition of queue {one.queue}" if one.queue is not None else "")),
        ("rows", f"{fmt.count(one.live)} live, {fmt.count(one.dead)} dead by the server's statistics"),
        ("size", f"{fmt.size(one.table_bytes)} and {fmt.size(one.index_bytes)} of indexes"),
        ("autovacuum", f"comes at {one.budget:,.0f} dead rows" if one.autovacuum else "is off for it"),
        ("vacuumed", f"by hand {moment(one.vacuumed_on, now)}, by autovacuum {moment(one.autovacuumed_on, now)}"),
        ("analyzed", moment(one.analyzed_on, now)),
    )


# --- the horizon


def horizon(found: Horizon, role: str) -> Part:
    """What keeps vacuum from removing dead rows."""
    made, now = _Rows(), found.taken_at
    for one in found.holders:
        held = distance(one.began, now)
        cells = (
            fmt.clean(one.kind),
            fmt.clean(one.name or "(no name)"),
            fmt.ABSENT if one.pid is None else str(one.pid),
            fmt.UNKNOWN if held is None else fmt.age(max(0.0, held)),
            fmt.count(one.transactions),
        )
        long = held is not None and held >= HELD_SECONDS
        made.add(f"{one.kind} {one.name} {one.pid}", cells, _holder(one, now), "warning" if long else "")
    grant = (
        f"Since when is hidden from this role: GRANT pg_read_all_stats TO {fmt.clean(role)} shows it (pg_monitor too)."
    )
    note = "" if found.holders else "Nothing holds it back: vacuum can remove every dead row."
    return made.part("", grant if found.hidden else note)


def _holder(one: HorizonHolder, now: datetime) -> Facts:
    return (
        ("held by", f"{one.kind} {one.pid or ''} {one.name or ''}"),
        ("state", one.state or fmt.UNKNOWN),
        ("since", fmt.UNKNOWN if one.began is None else moment(one.began, now)),
        ("means", f"rows that died in the last {plural(one.transactions, 'transaction')} cannot be removed"),
    )
