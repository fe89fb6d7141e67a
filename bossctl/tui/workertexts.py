"""Workers as they are shown: rows, what is known of one, what could not be seen; harmless text only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from rich.text import Text
from textual.content import Content

from bossctl import format as fmt
from bossctl.models.workers import Work, Worker, Workers
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Cell, Row, Tone
from bossctl.tui.words import distance, moment, plural

REGISTERED = (
    Column("state", "STATE", width=9),
    Column("name", "INSTANCE", min_width=8, max_width=24, fit=True),
    Column("host", "HOST", min_width=6, max_width=28, fit=True, priority=5),
    Column("pid", "PID", width=7, align="right", priority=4),
    Column("release", "RELEASE", width=8, priority=3),
    Column("beat", "BEAT", width=7, align="right", tooltip="since the last heartbeat"),
    Column("active", "ACTIVE", width=6, align="right", priority=1, tooltip="jobs in hand at the last heartbeat"),
    Column("slots", "SLOTS", width=5, align="right", priority=6, tooltip="jobs it would take at once"),
    Column("cpu", "CPU", width=5, align="right", priority=7, tooltip="of the cores it may use"),
    Column("memory", "MEMORY", width=8, align="right", priority=8, tooltip="resident"),
    Column("pool", "POOL", width=7, align="right", priority=9, tooltip="open of allowed connections"),
    Column(
        "restarts", "CRASHES", width=7, align="right", priority=10, tooltip="lives before that ended without stop()"
    ),
    Column("queues", "QUEUES", width=12, min_width=8, flex=1, priority=2),
)
INFERRED = (
    Column("state", "STATE", width=9),
    Column("name", "APPLICATION", min_width=11, max_width=30, fit=True),
    Column("role", "ROLE", min_width=6, max_width=24, fit=True, priority=1),
    Column("host", "HOST", min_width=6, max_width=28, fit=True, priority=2),
    Column("sessions", "SESSIONS", width=8, align="right"),
    Column("busy", "BUSY", width=5, align="right", tooltip="that run a statement or hold a transaction"),
    Column("transaction", "OLDEST TX", width=9, align="right", priority=5, tooltip="the oldest open transaction"),
    Column("last", "LAST STMT", width=9, align="right", priority=3, tooltip="since the last statement began"),
    Column("since", "SINCE", width=8, align="right", priority=4, tooltip="since the first of them connected"),
)
CALLS = (
    Column("queue", "WORKS QUEUE", width=16, min_width=10, flex=2),
    Column("active", "ACTIVE", width=6, align="right"),
    Column("workers", "WORKERS", width=7, align="right", priority=1, tooltip="its local concurrency"),
    Column("batch", "BATCH", width=5, align="right", priority=2, tooltip="jobs that each fetches at once"),
    Column("poll", "POLLS", width=6, align="right", priority=5, tooltip="seconds between fetches that find nothing"),
    Column("fetched", "FETCHED", width=7, align="right", priority=3, tooltip="since its last fetch, by its own clock"),
    Column("ended", "ENDED", width=7, align="right", priority=6, tooltip="since it ended a job, by its own clock"),
    Column("error", "ERROR", width=7, align="right", priority=4, tooltip="since its last error, by its own clock"),
    Column("options", "OPTIONS", width=10, min_width=8, flex=1, priority=7),
)
_SIGNS: Mapping[str, tuple[str, str, Tone]] = {
    "alive": ("●", "$text-success", ""),
    "silent": ("✗", "$text-error bold", "error"),
    "stopped": ("-", "$text-muted", "muted"),
    "seen": ("~", "$text-primary", ""),
}


def state_of(worker: Worker) -> str:
    """alive, silent (missed its heartbeats), stopped; seen for sessions only."""
    if worker.source != "registry":
        return "seen"
    return "alive" if worker.alive else "stopped" if worker.stopped_on else "silent"


def title(worker: Worker) -> str:
    """What a person calls it."""
    return fmt.clean(worker.name or worker.instance)


def columns(found: Workers) -> tuple[Column, ...]:
    """The columns that say something of such workers."""
    return REGISTERED if found.source == "registry" else INFERRED


def keyed(found: Workers) -> dict[str, Worker]:
    """The living first, then who fell silent, then who stopped; each the latest heard of first."""
    ranked = sorted(found.workers, key=lambda one: tuple(_SIGNS).index(state_of(one)))
    named: dict[str, Worker] = {}
    for one in ranked:
        twins = sum(key.partition("\n")[0] == one.instance for key in named)
        named[f"{one.instance}\n{twins}" if twins else one.instance] = one
    return named


def rows(found: Workers) -> Iterator[Row]:
    """A line for each, under the keys of `keyed`."""
    row = _registered if found.source == "registry" else _inferred
    return (row(key, one, found.taken_at) for key, one in keyed(found).items())


def _state(worker: Worker) -> tuple[Content, Tone]:
    word = state_of(worker)
    mark, style, tone = _SIGNS[word]
    return Content(f"{mark} {word}").stylize(style), tone


def _registered(key: str, one: Worker, now: datetime) -> Row:
    state, tone = _state(one)
    name = one.name or one.instance[:8]
    cells: tuple[Cell, ...] = (
        state,
        fmt.clean(name),
        fmt.clean(one.host or fmt.UNKNOWN),
        str(one.pid or fmt.UNKNOWN),
        fmt.clean(one.release or fmt.UNKNOWN),
        fmt.age(distance(one.stopped_on or one.heartbeat_on, now)),
        fmt.count(one.active),
        fmt.count(_slots(one) if _has_told(one) else None),
        _share(one.details.get("cpu_cores"), one.details.get("cpu_limit")),
        _bytes(one.details.get("rss_bytes")),
        _pool(one),
        _number(one.details.get("crash_restarts")),
        fmt.clean(", ".join(one.queues)) or ("none" if _has_told(one) else fmt.UNKNOWN),
    )
    return Row(key, cells, tone)


def _inferred(key: str, one: Worker, now: datetime) -> Row:
    state, tone = _state(one)
    oldest = one.details.get("oldest_transaction_seconds")
    hidden = one.details.get("sessions_visible") is False
    cells: tuple[Cell, ...] = (
        state,
        fmt.clean(one.application_name or "(no name)"),
        fmt.clean(str(one.details.get("role") or fmt.UNKNOWN)),
        fmt.clean(one.host or fmt.UNKNOWN),
        str(one.sessions),
        _number(one.details.get("busy_sessions")),
        fmt.UNKNOWN if hidden else fmt.ABSENT if oldest is None else _seconds(oldest),
        _seconds(one.details.get("last_statement_seconds")),
        fmt.age(distance(one.started_on, now)),
    )
    return Row(key, cells, tone)


def _has_told(worker: Worker) -> bool:
    """What it works on it tells with its first heartbeat."""
    return worker.active is not None


def _slots(worker: Worker) -> int | None:
    known = [(one.workers, one.batch) for one in worker.work]
    return None if any(None in pair for pair in known) else sum((each or 0) * (batch or 0) for each, batch in known)


def _pool(worker: Worker) -> str:
    total, most = worker.details.get("pool_total"), worker.details.get("pool_max")
    return fmt.UNKNOWN if total is None else f"{total}/{fmt.UNKNOWN if most is None else most}"


def _number(value: object) -> str:
    return fmt.count(value) if isinstance(value, int | float) else fmt.UNKNOWN


def _seconds(value: object) -> str:
    return fmt.age(float(value)) if isinstance(value, int | float) else fmt.UNKNOWN


def _bytes(value: object) -> str:
    return fmt.size(int(value)) if isinstance(value, int | float) else fmt.UNKNOWN


def _share(part: object, whole: object) -> str:
    if isinstance(part, int | float) and isinstance(whole, int | float):
        return fmt.percent(part, whole)
    return fmt.UNKNOWN


# --- one worker in full


def verdict(worker: Worker, now: datetime) -> str:
    """Its state in a sentence, with what follows from its sessions."""
    age = fmt.age(distance(worker.heartbeat_on, now))
    match state_of(worker):
        case "seen":
            return (
                f"{plural(worker.sessions, 'session')} of the database; which process, release and queues, none tells"
            )
        case "stopped":
            return f"stopped {moment(worker.stopped_on, now)}"
        case "alive":
            return f"alive, heartbeat {age} ago"
    if worker.sessions:
        shared = plural(worker.sessions, "session")
        return f"silent for {age}, but {shared} under its name: it hangs or cannot write its heartbeat"
    return f"silent for {age} and no session is left: it died or is cut off; what it had in hand waits for its expiry"


def facts(worker: Worker, now: datetime) -> Iterator[tuple[str, Text | str]]:
    """All that is known of it, in pairs."""
    yield "state", verdict(worker, now)
    yield "sessions", _sessions(worker)
    if worker.source != "registry":
        yield "connected", moment(worker.started_on, now) if worker.started_on else fmt.UNKNOWN
        return
    yield "process", _process(worker)
    yield "memory", _memory(worker)
    yield "pool", _pool_words(worker)
    yield "crashes", _crashes(worker)
    yield "started", moment(worker.started_on, now)
    beat = worker.heartbeat_seconds
    late = fmt.UNKNOWN if beat is None else f"every {fmt.duration(beat)}, silent after {fmt.duration(3 * beat)}"
    yield "heartbeat", late
    yield "does", _duties(worker)
    yield "instance", worker.instance
    if not worker.work:
        yield "works", "no queue by work()" if _has_told(worker) else "told with its first heartbeat, yet to come"


def _duties(worker: Worker) -> str:
    told = {"supervises": worker.supervise, "schedules": worker.schedule}
    more = {"migrates": "migrate", "stores warnings": "persist_warnings", "stores statistics": "persist_queue_stats"}
    told |= {word: worker.details.get(name) for word, name in more.items()}
    does = [word for word, value in told.items() if value is True]
    return ", ".join(does) or "works queues only"


def _process(worker: Worker) -> str:
    details = worker.details
    parts = [f"Node {fmt.clean(str(details.get('node_version') or fmt.UNKNOWN))}"]
    cores, limit = details.get("cpu_cores"), details.get("cpu_limit")
    parts.append(f"CPU {_plain(cores)} of {_plain(limit)} cores")
    if isinstance(details.get("cpu_throttled"), int | float):
        parts.append(f"throttled {_share(details['cpu_throttled'], 1)}")
    parts.append(f"event loop {_share(details.get('loop_utilization'), 1)} busy")
    parts.append(
        f"late by {_plain(details.get('loop_delay_ms'))} ms (worst {_plain(details.get('loop_delay_max_ms'))})"
    )
    return " · ".join(parts)


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else fmt.UNKNOWN


def _memory(worker: Worker) -> str:
    details = worker.details
    heap = f"heap {_bytes(details.get('heap_used_bytes'))} of {_bytes(details.get('heap_limit_bytes'))}"
    used, limit = details.get("memory_used_bytes"), _bytes(details.get("memory_limit_bytes"))
    whole = f"container {_bytes(used)} of {limit}" if used is not None else f"machine {limit}"
    return f"resident {_bytes(details.get('rss_bytes'))} · {heap} · {whole}"


def _pool_words(worker: Worker) -> str:
    details = worker.details
    if details.get("pool_total") is None:
        return f"{fmt.UNKNOWN} (a pool that pg-boss was handed)"
    told = (("pool_total", "open"), ("pool_max", "allowed"), ("pool_idle", "idle"), ("pool_waiting", "waiting"))
    return " · ".join(f"{_number(details.get(name))} {word}" for name, word in told)


def _crashes(worker: Worker) -> str:
    number, since = worker.details.get("crash_restarts"), worker.details.get("crash_restarts_since")
    return _number(number) + (f" since {fmt.clean(str(since))}" if since else "")


def _sessions(worker: Worker) -> str:
    details = worker.details
    parts = [str(worker.sessions)]
    if worker.sessions:
        parts.append(f"{_number(details.get('busy_sessions'))} busy")
        oldest = details.get("oldest_transaction_seconds")
        parts += [f"oldest transaction {_seconds(oldest)}"] if oldest is not None else []
        parts += [f"role {details['role']}"] if details.get("role") else []
    parts += [f"as {worker.application_name}"] if worker.application_name else []
    return fmt.clean(" · ".join(parts))


def calls(worker: Worker, now: datetime) -> Iterator[Row]:
    """Its calls of work()."""
    for number, one in enumerate(worker.work):
        cells: tuple[Cell, ...] = (
            fmt.clean(one.queue),
            fmt.count(one.active),
            fmt.count(one.workers),
            fmt.count(one.batch),
            fmt.UNKNOWN if one.polling_seconds is None else f"{one.polling_seconds:g}s",
            _ago(one.last_fetched_on, now),
            _ago(one.last_ended_on, now),
            _ago(one.last_error_on, now),
            fmt.clean(" ".join(f"{name} {value}" for name, value in one.options.items())),
        )
        yield Row(f"{number} {one.queue}", cells, _tone(one, now))


def _tone(one: Work, now: datetime) -> Tone:
    """An error since the last fetch that brought something counts."""
    failed, ended = one.last_error_on, one.last_ended_on
    return "warning" if failed is not None and (ended is None or failed >= ended) else ""


def _ago(at: datetime | None, now: datetime) -> str:
    seconds = distance(at, now)
    return fmt.ABSENT if seconds is None else fmt.age(max(0.0, seconds))


# --- why there is nothing, or not all


def note(found: Workers, role: str) -> str:
    """What could not be seen, and what would show it; empty when nothing is missing."""
    grant = f"GRANT pg_read_all_stats TO {fmt.clean(role)} shows them (pg_monitor has it too)"
    if found.source != "registry":
        told = "Inferred from database sessions: this schema has no instance registry (pg-boss 12.36.0, schema 44)."
        hidden = (
            f" {plural(found.hidden, 'session')} of other roles may be pg-boss's too: {grant}." if found.hidden else ""
        )
        blind = any(one.details.get("sessions_visible") is False for one in found.workers)
        return told + (hidden or (f" What they do is hidden from this role: {grant}." if blind else ""))
    if not found.workers:
        return "pg-boss 12.36 and newer registers when it starts; producers of older releases do not."
    if any(one.sessions and one.details.get("sessions_visible") is False for one in found.workers):
        return f"What their sessions do is hidden from this role: {grant}."
    return ""


def nobody(found: Workers) -> str:
    """Why the list is empty."""
    return "no instance has registered" if found.source == "registry" else "no session looks like pg-boss's"


def summary(found: Workers) -> str:
    """The sum, beside the heading."""
    if found.source != "registry":
        sessions = sum(one.sessions for one in found.workers)
        return f"{plural(sessions, 'session')} · inferred, not registered"
    states = [state_of(one) for one in found.workers]
    parts = [f"{states.count(word)} {word}" for word in ("alive", "silent", "stopped") if word in states]
    active = sum(one.active or 0 for one in found.workers if one.alive)
    return " · ".join([*(parts or ["none registered"]), f"{active} active"])
