"""The columns a list of jobs can have: those of every schema, the further fields of this one, paths into payloads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bossctl import format as fmt
from bossctl.models.history import fetches
from bossctl.models.jobs import FieldValue, JobRow
from bossctl.selector import ROOTS, path_of
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell
from bossctl.tui.widgets.states import StateCell
from bossctl.tui.words import distance, lately, run_time

Draw = Callable[[JobRow, datetime], Cell]


@dataclass(frozen=True)
class JobColumn:
    """A column, how its cell is drawn, the orders its title asks for in turn, and the field it needs read, if any."""

    column: Column
    draw: Draw
    orders: tuple[str, ...] = ()
    field: str | None = None

    @property
    def key(self) -> str:
        """What names it on the `:` line."""
        return self.column.key


def _moment(name: str, about: str, *orders: str) -> JobColumn:
    column = Column(name, name.upper(), width=20, priority=4, sortable=bool(orders), tooltip=about)
    return JobColumn(column, lambda row, _: fmt.timestamp(getattr(row, name)), orders)


def _text(name: str, about: str) -> JobColumn:
    column = Column(name, name.upper(), min_width=8, max_width=24, fit=True, flex=1, priority=7, tooltip=about)
    return JobColumn(column, lambda row, _: _shown(getattr(row, name)))


def _number(name: str, about: str, *orders: str) -> JobColumn:
    column = Column(
        name, name.upper(), width=len(name) + 1, align="right", priority=6, sortable=bool(orders), tooltip=about
    )
    return JobColumn(column, lambda row, _: str(getattr(row, name)), orders)


def _shown(value: FieldValue) -> str:
    if value is None:
        return fmt.ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    return fmt.timestamp(value) if isinstance(value, datetime) else fmt.clean(str(value))


USUAL = (
    JobColumn(
        Column("state", "STATE", width=11, tooltip="the state, as the database spells it"),
        lambda row, _: StateCell(fmt.clean(row.state)),
    ),
    JobColumn(Column("id", "ID", width=36, min_width=13, priority=1, tooltip="the job's id"), lambda row, _: row.id),
    JobColumn(
        Column("queue", "QUEUE", min_width=14, max_width=40, fit=True, flex=1, priority=2, tooltip="its queue"),
        lambda row, _: fmt.clean(row.queue),
    ),
    JobColumn(
        Column("created", "CREATED", width=8, align="right", sortable=True, tooltip="how long ago it was sent"),
        lambda row, now: fmt.age(distance(row.created_on, now)),
        ("newest", "oldest"),
    ),
    JobColumn(Column("lately", "LATELY", width=16, tooltip="what it waits for or did last"), lately),
    JobColumn(
        Column(
            "ran",
            "RAN",
            width=6,
            align="right",
            priority=5,
            sortable=True,
            tooltip="how long the last attempt ran",
        ),
        run_time,
        ("run",),
    ),
    JobColumn(
        Column(
            "tries",
            "TRIES",
            width=6,
            align="right",
            priority=3,
            sortable=True,
            tooltip="fetched at least so often, of how often",
        ),
        lambda row, _: f"{fetches(row)}/{row.retry_limit + 1}",
        ("retries",),
    ),
    JobColumn(
        Column("priority", "PRIO", width=5, align="right", priority=6, sortable=True, tooltip="its priority"),
        lambda row, _: str(row.priority) if row.priority else "",
        ("priority",),
    ),
    JobColumn(
        Column("key", "KEY", min_width=6, max_width=24, fit=True, flex=1, priority=7, tooltip="singleton key"),
        lambda row, _: fmt.clean(row.singleton_key or ""),
    ),
)
FURTHER = (
    _moment("created_on", "when it was sent", "newest", "oldest"),
    _moment("start_after", "when it is due"),
    _moment("started_on", "when the last attempt began", "started"),
    _moment("completed_on", "when it ended", "completed"),
    _moment("keep_until", "until when it is kept while it waits"),
    _number("retry_count", "how often it was retried", "retries"),
    _number("retry_limit", "how often it may be retried"),
    _text("dead_letter", "where it goes when it fails for good"),
    _text("blocked", "whether it waits for a parent"),
    _text("archived", "whether it is in an archive"),
)
KNOWN: Mapping[str, JobColumn] = {one.key: one for one in (*USUAL, *FURTHER)}
ALIASES: Mapping[str, str] = {"singleton_key": "key", "name": "queue"}
USUAL_KEYS = tuple(one.key for one in USUAL)


def column_of(key: str, fields: Sequence[str]) -> JobColumn | None:
    """The column of that name, None for no such thing; `fields` are those that only some schemas have."""
    key = ALIASES.get(key, key)
    if key in KNOWN:
        return KNOWN[key]
    if key not in fields and (key.partition(".")[0] not in ROOTS or path_of(key) is None):
        return None
    title = fmt.clean(key if "." in key else key.upper())
    about = (
        f"what {key} is" if key in fields else "a value in the payload" if key[0] == "d" else "a value in the output"
    )
    column = Column(key, title, min_width=8, max_width=30, fit=True, flex=1, priority=4, tooltip=about)
    return JobColumn(column, lambda row, _: _more(row, key), field=key)


def _more(row: JobRow, key: str) -> str:
    """A field that was read beside; `?` where the payload was too large to look into."""
    return _shown(row.more[key]) if key in row.more else fmt.UNKNOWN


def columns_of(keys: Iterable[str], fields: Sequence[str], *, queue: bool = True) -> tuple[JobColumn, ...]:
    """The columns of these names as far as this schema has them, the usual ones where none is left."""
    found = {one.key: one for key in keys if (one := column_of(key, fields)) is not None}
    if not queue:
        found.pop("queue", None)
    if not found:
        return tuple(one for one in USUAL if queue or one.key != "queue")
    if all(one.column.priority for one in found.values()):
        first = next(iter(found))
        found[first] = replace(found[first], column=replace(found[first].column, priority=0))
    return tuple(found.values())


def read_keys(text: str) -> list[str]:
    """Names separated by commas or spaces; a quoted part of a path may hold either."""
    keys, quoted, word = list[str](), False, ""
    for sign in text:
        quoted ^= sign == '"'
        if sign in ", " and not quoted:
            keys.append(word)
            word = ""
        else:
            word += sign
    return [ALIASES.get(key, key) for key in dict.fromkeys([*keys, word]) if key]
