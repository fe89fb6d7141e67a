"""From a parsed selection to a condition over the canonical job columns (alias `j`), values bound, never spliced.

States are written as untyped literals, spelled as pg-boss's partial indexes are: a bound state loses the index
(FACTS §6). `NOT` is two-valued: what is unknown (NULL) is not selected by a term and so is by its negation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count

from psycopg import sql

from bossctl.format import count as short_count
from bossctl.selector import (
    Age,
    And,
    Archived,
    DataPath,
    ErrorText,
    Expr,
    Ids,
    Is,
    Moments,
    Not,
    Numbers,
    Or,
    QueueGlob,
    RunTime,
    Selector,
    SingletonKey,
    States,
    scope,
)
from bossctl.sql.catalog import Catalog
from bossctl.sql.text import trusted

ALWAYS = trusted("true")
NEVER = trusted("false")
ABOVE_CUTOFF = trusted("j.created_on >= %(cutoff)s::timestamptz")

SCAN_WORTH_A_WORD = 1_000_000

# Both are of active jobs. Of an interval of whatever size a sum could be out of range; date_part never is.
HEARTBEAT_LOST = "j.heartbeat_on + j.heartbeat_seconds * interval '1 second' < now()"


def past_expiry(catalog: Catalog) -> str:
    """Whether an active job has run for longer than it may."""
    if catalog.has("job.expire_seconds"):
        return "j.started_on + j.expiry < now()"
    return "date_part('epoch', now() - j.started_on) > j.expire_seconds"


_RELATIONS = {"live": "job", "archived": "archived_jobs", "all": "all_jobs"}
_COLUMNS = {
    "retries": "j.retry_count",
    "priority": "j.priority",
    "created": "j.created_on",
    "started": "j.started_on",
    "completed": "j.completed_on",
}
_LIVE_STATES = frozenset(("created", "retry", "active", "failed"))


@dataclass(frozen=True)
class Selection:
    """A compiled selection.

    `where` goes over `j`, `queues` is what it says of the queue alone, over `q`. `relation` is the canonical relation
    to look in. `walk`: a short walk per queue by creation time finds a page soon. `dense`: most jobs are selected, so
    that a page lies close to the newest job. `note` warns of a long scan. `keyed`: an index leads to few jobs at once,
    those of some ids or of one queue. `due`: only waiting jobs whose time has come. `one_state`: every job of one
    state that index i14 leads to, whatever is asked of the queue. `rare`: few jobs fit, however many there are.
    """

    where: sql.Composable
    queues: sql.Composable
    values: dict[str, object]
    relation: str
    walk: bool
    dense: bool
    note: str | None
    keyed: bool = False
    due: bool = False
    one_state: bool = False
    rare: bool = False


def select(selector: Selector | None, catalog: Catalog, *, archived: bool = False) -> Selection:
    """Compile a selection for one schema; None selects every live job.

    `archived`: it is asked of archived jobs whatever it says, whose queues may be gone.
    """
    if selector is None:
        return Selection(ALWAYS, ALWAYS, {}, "job", True, True, None)
    compiler = _Compiler(catalog, live=not archived and scope(selector) == "live")
    where = compiler.condition(selector)
    required = selector.items if isinstance(selector, And) else (selector,)
    queues = [compiler.queue(item, "q") for item in required if isinstance(item, QueueGlob)]
    relation = _RELATIONS[scope(selector)]
    walk = relation == "job" and all(map(_walkable, required))
    return Selection(
        where=where,
        queues=_joined(" AND ", queues) if queues else ALWAYS,
        values=compiler.values,
        relation=relation,
        walk=walk,
        dense=relation == "job" and all(map(_dense, required)),
        note=None if walk and catalog.has("index:i15") else _scan_note(required, catalog),
        keyed=_keyed(required),
        due=_due(required),
        rare=Is("stuck") in required,
        one_state=walk and catalog.has("index:i14") and _one_state(required),
    )


def _walkable(item: Expr) -> bool:
    """Whether jobs that fit are dense enough along the creation time, or have an index of their own."""
    match item:
        case States(states):
            return "completed" in states or _LIVE_STATES.issuperset(states)
        case Is(condition):
            return condition in ("open", "due")
        case QueueGlob():
            return item.literal is None
        case Age() | Archived():
            return True
        case Moments(field, _, _):
            return field == "created"
    return False


def _dense(item: Expr) -> bool:
    return (isinstance(item, States) and "completed" in item.states) or isinstance(item, Age | Archived)


def _one_state(required: tuple[Expr, ...]) -> bool:
    states = [item.states for item in required if isinstance(item, States)]
    others = [item for item in required if not isinstance(item, States | QueueGlob)]
    return not others and len(states) == 1 and len(set(states[0])) == 1 and _LIVE_STATES.issuperset(states[0])


def _scan_note(required: tuple[Expr, ...], catalog: Catalog) -> str | None:
    rows = catalog.estimated_rows or 0
    if _keyed(required) or _due(required) or rows < SCAN_WORTH_A_WORD:
        return None
    return f"scans {short_count(rows, estimate=True)} rows: no index of this schema serves the selection"


def _keyed(required: tuple[Expr, ...]) -> bool:
    return any(isinstance(item, Ids) or (isinstance(item, QueueGlob) and item.literal) for item in required)


def _due(required: tuple[Expr, ...]) -> bool:
    return Is("due") in required


@dataclass
class _Compiler:
    catalog: Catalog
    live: bool
    values: dict[str, object] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    def condition(self, node: Expr) -> sql.Composable:
        """One node as a parenthesised condition."""
        match node:
            case And(items):
                # Where all jobs must be looked at, most are not of a state, which is told sooner than a name.
                rest = sorted(items, key=lambda item: isinstance(item, QueueGlob))
                return _joined(" AND ", [self.condition(item) for item in rest])
            case Or(items):
                return _joined(" OR ", [self.condition(item) for item in items])
            case Not(item):
                return sql.SQL("(NOT ({} IS TRUE))").format(self.condition(item))
            case QueueGlob():
                return self.queue(node, "j")
            case States(states):
                return self._states(set(states))
            case Is(condition):
                return _CONDITIONS[condition](self)
            case Ids(ids):
                return self._ids(list(ids))
        return self._value(node)

    def queue(self, node: QueueGlob, alias: str) -> sql.Composable:
        """What is said of a queue's name, over alias `j` or `q`."""
        column = trusted(f"{alias}.name")
        if node.literal is not None:
            return sql.SQL("({} = {})").format(column, self._bind(node.literal))
        return sql.SQL("({} LIKE {})").format(column, self._bind(node.like))

    def _value(self, node: Expr) -> sql.Composable:
        match node:
            case SingletonKey(value):
                return sql.SQL("(j.singleton_key = {})").format(self._bind(value))
            case ErrorText(text):
                needle = json.dumps(text, ensure_ascii=False)[1:-1].lower()
                return sql.SQL("(strpos(lower(j.output::text), {}) > 0)").format(self._bind(needle))
            case DataPath(root, path, value):
                column = trusted(f"j.{root}")
                return sql.SQL("({} #>> {}::text[] = {})").format(column, self._bind(list(path)), self._bind(value))
            case Numbers(name, low, high):
                return self._range(trusted(_COLUMNS[name]), low, high)
            case RunTime(low, high):
                ended = "coalesce(j.completed_on, CASE WHEN j.state = 'active' THEN now() END)"
                return self._range(trusted(f"floor(extract(epoch FROM {ended} - j.started_on))"), low, high)
            case Age(side, seconds):
                operator = trusted("<" if side == "older" else ">")
                bound = self._bind(seconds)
                return sql.SQL("(j.created_on {} now() - make_interval(secs => {}::float8))").format(operator, bound)
            case Moments():
                return self._moments(node)
            case Archived(which):
                return {"true": trusted("j.archived"), "any": ALWAYS, "false": trusted("(NOT j.archived)")}[which]
        raise TypeError(f"no SQL for {node!r}")

    def _states(self, states: set[str]) -> sql.Composable:
        if "failed" in states and self.catalog.has("state:expired"):
            states = states | {"expired"}
        known = [state for state in self.catalog.states if state in states]
        if not known:
            return NEVER
        listed = ", ".join(f"'{state}'" for state in known)
        return trusted(f"({_waiting_prefix(known, self.catalog)}j.state IN ({listed}))")

    def _ids(self, ids: list[str]) -> sql.Composable:
        condition = sql.SQL("(j.id = ANY ({}::uuid[]))").format(self._bind(ids))
        if not self.live or not self.catalog.has("queue"):
            return condition
        names = sql.Identifier(self.catalog.schema, "queue")
        return sql.SQL("({} AND j.name = ANY (ARRAY(SELECT q.name FROM {} AS q)))").format(condition, names)

    def _moments(self, node: Moments) -> sql.Composable:
        column = trusted(_COLUMNS[node.field])
        parts = [sql.SQL("({} IS NOT NULL)").format(column)]
        if node.since is not None:
            parts.append(sql.SQL("({} >= {}::timestamptz)").format(column, self._bind(node.since)))
        if node.before is not None:
            parts.append(sql.SQL("({} < {}::timestamptz)").format(column, self._bind(node.before)))
        return _joined(" AND ", parts)

    def _range(self, column: sql.Composable, low: int | None, high: int | None) -> sql.Composable:
        parts = []
        if low is not None:
            parts.append(sql.SQL("({} >= {}::bigint)").format(column, self._bind(low)))
        if high is not None:
            parts.append(sql.SQL("({} <= {}::bigint)").format(column, self._bind(high)))
        return _joined(" AND ", parts)

    def _bind(self, value: object) -> sql.Composable:
        name = f"selected_{next(self._numbers)}"
        self.values[name] = value
        return sql.Placeholder(name)


def _waiting_prefix(states: list[str], catalog: Catalog) -> str:
    """Spell what the fetch indexes before schema 46 are partial on."""
    waiting = set(states) <= {"created", "retry"}
    return "j.state < 'active' AND " if waiting and not catalog.has("index:i14") else ""


def _open(compiler: _Compiler) -> sql.Composable:
    if compiler.catalog.has("index:i14"):
        return trusted("(j.state IN ('created', 'retry', 'active'))")
    return trusted("(j.state < 'completed')")


_CONDITIONS: dict[str, Callable[[_Compiler], sql.Composable]] = {
    "open": _open,
    "due": lambda _: trusted("(j.state < 'active' AND NOT j.blocked AND j.start_after <= now())"),
    "stuck": lambda compiler: trusted(
        f"(j.state = 'active' AND ({past_expiry(compiler.catalog)} OR {HEARTBEAT_LOST}))"
    ),
    "rerun": lambda _: trusted("(j.retry_count > 0 OR (j.state = 'created' AND j.started_on IS NOT NULL))"),
}


def _joined(word: str, parts: Sequence[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(trusted(word).join(parts)) if parts else ALWAYS
