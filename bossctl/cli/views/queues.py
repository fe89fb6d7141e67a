"""Queues for people."""

from __future__ import annotations

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.table import Cell, Column, Table, state_cell
from bossctl.cli.views.words import bytes_, given, number, option, since
from bossctl.format import timestamp
from bossctl.models.common import Count, Truth
from bossctl.models.queues import STATES, Queue, QueueDetail, QueueOverview

LIST_COLUMNS = (
    Column("QUEUE", least=20),
    Column("CREATED", right=True),
    Column("RETRY", right=True, rank=1),
    Column("ACTIVE", right=True),
    Column("COMPLETED", right=True, rank=3),
    Column("CANCELLED", right=True, rank=4),
    Column("FAILED", right=True),
    Column("FAILED 1H", right=True, rank=2),
    Column("OLDEST DUE", right=True, rank=1),
    Column("POLICY", rank=5),
    Column("DEAD LETTER", rank=6),
)


def queue_list(printer: Printer, overview: QueueOverview) -> None:
    """One line per queue; what kind of numbers they are is said on stderr."""
    if not overview.queues:
        talk.say("note: there are no queues in this schema")
        return
    printer.table(Table(LIST_COLUMNS, [_row(queue) for queue in overview.queues]))
    _truth_note(overview)


def _row(queue: Queue) -> list[Cell | str]:
    counts = [_state(state, queue.counts[state]) for state in STATES]
    failed = queue.failed_last_hour
    return [
        queue.name,
        *counts,
        Cell(number(failed), "red" if failed.value else ""),
        since(queue.oldest_due_seconds),
        "implicit" if queue.implicit else given(queue.options.get("policy")),
        given(queue.dead_letter),
    ]


def _state(state: str, value: Count) -> Cell:
    return state_cell(state, number(value)) if value.value else Cell(number(value), "dim")


def _truth_note(overview: QueueOverview) -> None:
    truths = {value.truth for queue in overview.queues for value in queue.counts.values()}
    if Truth.CACHED in truths:
        ages = [value.age_seconds for queue in overview.queues for value in queue.counts.values() if value.age_seconds]
        oldest = f", up to {since(max(ages))} old" if ages else ""
        talk.say(f"note: * counted by pg-boss's monitor{oldest}; bossctl stats counts exactly")
    if Truth.UNKNOWN in truths or Truth.ESTIMATE in truths:
        talk.say("note: ? not counted, ~ estimated; bossctl stats counts exactly")
    if overview.truth_note:
        talk.say(f"note: {overview.truth_note}")


def queue_detail(printer: Printer, detail: QueueDetail) -> None:
    """Everything about one queue, a line per fact."""
    queue = detail.queue
    facts: list[tuple[str, Cell | str]] = [("queue", queue.name)]
    facts += [
        (name, option(name, value, client_defaults=_client_defaults(queue))) for name, value in queue.options.items()
    ]
    facts += [(state, _state(state, queue.counts[state])) for state in STATES]
    facts += [(name, number(value)) for name, value in queue.extra.items()]
    facts += [
        ("oldest due", since(queue.oldest_due_seconds)),
        ("failed last hour", number(queue.failed_last_hour)),
        ("failed last day", number(detail.failed_last_day)),
        ("completed last hour", number(detail.completed_last_hour)),
        ("dead letters come from", ", ".join(detail.feeds) or "-"),
        ("schedules", ", ".join(key or "(no key)" for key in detail.schedules) or "-"),
        ("storage", f"{queue.storage} ({queue.table}) {bytes_(detail.total_bytes)}".removesuffix(" -")),
        ("created on", timestamp(queue.created_on)),
        ("updated on", timestamp(queue.updated_on)),
        ("monitored", since(queue.monitor_age_seconds)),
    ]
    printer.facts(facts)
    if queue.implicit:
        talk.say("note: 8 and 9 have no queue table; this queue exists through its jobs")


def _client_defaults(queue: Queue) -> bool:
    """10.x, where NULL is what the client makes of it, has partitions and no word for them."""
    return queue.storage == "partition" and "partition" not in queue.options
