"""What the queue screen says of a queue: sums, neighbours, options beside their defaults, errors, schedules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from bossctl import format as fmt
from bossctl.models.activity import NextRun, Percentiles, QueueLatency
from bossctl.models.job_errors import ErrorGroup
from bossctl.models.operations import QueueSpec
from bossctl.models.options import NONE, same, shown
from bossctl.models.queues import OptionValue, QueueDetail
from bossctl.tui.grids import Grid, GridColumn
from bossctl.tui.optionrow import CLIENT_DEFAULT, PGBOSS_DEFAULTS
from bossctl.tui.widgets.columns import Column
from bossctl.tui.widgets.rows import Row
from bossctl.tui.words import counted, distance, ready

SET, DRIFTED = "*", "!"
"""Stand before an option that is not pg-boss's default, and before one that is not what a file says."""

ERROR_COLUMNS = (
    Column("jobs", "JOBS", width=6, align="right"),
    Column("hour", "1H", width=5, align="right", priority=2, tooltip="in the last hour"),
    Column("day", "24H", width=5, align="right", priority=1, tooltip="in the last 24 hours"),
    Column("week", "7D", width=5, align="right", priority=3, tooltip="in the last 7 days"),
    Column("message", "MESSAGE", width=30, min_width=16, flex=1),
)
OPTION_COLUMNS = (GridColumn(), GridColumn("dim"), GridColumn(folds=True), GridColumn("dim", folds=True))
SCHEDULE_COLUMNS = (
    Column("key", "KEY", min_width=8, max_width=24, fit=True, priority=2),
    Column("next", "NEXT RUN", width=28, min_width=10, tooltip="by the server's clock, in UTC"),
    Column("cron", "CRON", min_width=10, max_width=60, fit=True, flex=1),
    Column("zone", "ZONE", min_width=5, max_width=24, fit=True, priority=1),
)


def sums(detail: QueueDetail) -> str:
    """Two lines: what waits, and what ended lately."""
    queue = detail.queue
    waiting = [f"ready {counted(ready(queue))}"]
    waiting += [f"{name} {counted(count)}" for name, count in queue.extra.items() if count.value]
    if queue.oldest_due_seconds is not None:
        waiting.append(f"oldest due {fmt.age(queue.oldest_due_seconds)}")
    ended = [
        f"failed {counted(queue.failed_last_hour)}/h {counted(detail.failed_last_day)}/day",
        f"completed {counted(detail.completed_last_hour)}/h",
    ]
    return f"{' · '.join(waiting)}\n{' · '.join(ended)}"


def neighbours(detail: QueueDetail) -> str:
    """Its dead-letter queue, and the queues it is that of; empty where the schema knows no such thing."""
    parts = []
    if "dead_letter" in detail.queue.options:
        parts.append(f"dead letter {detail.queue.dead_letter or NONE}")
    if detail.feeds:
        parts.append(f"fed by {', '.join(detail.feeds)}")
    return fmt.clean(" · ".join(parts))


# --- options


def options(detail: QueueDetail, file: str, wanted: QueueSpec | None) -> RenderableType:
    """Each option with its value, whether that is pg-boss's default, and what the file asks for where it differs.

    `file` is the name of a file of queues, or empty; `wanted` is what it says of this queue.
    """
    given = detail.queue.options
    if not given:
        return Text("before pg-boss 10 there are no queues with options: each job has its own", "dim")
    client = detail.queue.storage == "partition" and "delete_after" not in given
    asked = wanted.options if wanted else {}
    rows = [_option(name, value, asked, client) for name, value in given.items()]
    if detail.queue.monitor_age_seconds is not None:
        rows.append((Text(), Text("monitored"), Text(f"{fmt.age(detail.queue.monitor_age_seconds)} ago"), Text()))
    marks = f"{SET} not pg-boss's default" + (f"   {DRIFTED} not as {fmt.clean(file)} says" if file else "")
    heading = Text(marks, "dim")
    if file and wanted is None:
        heading.append(f"\n{fmt.clean(file)} does not name this queue")
    return Group(heading, Grid(OPTION_COLUMNS, rows))


def _option(
    name: str, value: OptionValue, asked: Mapping[str, OptionValue], client: bool
) -> tuple[Text, Text, Text, Text]:
    text, default = shown(name, value, client_defaults=client), PGBOSS_DEFAULTS.get(name, NONE)
    usual = text in (default, CLIENT_DEFAULT)
    notes = ["default" if text == default else ""] if usual else [f"default {default}"]
    drifted = name in asked and not same(name, value, asked[name])
    if drifted:
        notes.insert(0, f"the file says {shown(name, asked[name])};")
    mark = DRIFTED if drifted else "" if usual else SET
    told = Text(fmt.clean(text), "" if mark else "dim")
    return Text(mark, "bold"), Text(name), told, Text(fmt.clean(" ".join(notes)))


def drift(detail: QueueDetail, wanted: QueueSpec) -> int:
    """How many options are not what a file asks for."""
    has = detail.queue.options
    return sum(not same(name, has.get(name), value) for name, value in wanted.options.items())


# --- times


def latencies(latency: QueueLatency | None, trouble: str) -> Text:
    """Two lines of percentiles with how many jobs they are of: waiting and running."""
    lines = []
    for name in ("wait", "run"):
        found = None if latency is None else getattr(latency, name)
        told = (f"{mark} {_percentile(found, mark):<7} " for mark in ("p50", "p95", "p99"))
        of = "" if found is None else f"of {fmt.count(found.jobs)}"
        lines.append(Text.assemble((f"{name:<5}", "dim"), *told, (of, "dim")))
    if trouble or latency is None:
        lines[0].append(f" {fmt.clean(trouble or 'reading …')}", "dim")
    return Text("\n", no_wrap=True, overflow="ellipsis").join(lines)


def _percentile(found: Percentiles | None, mark: str) -> str:
    return fmt.ABSENT if found is not None and not found.jobs else fmt.elapsed(getattr(found, mark, None))


# --- errors and schedules


def errors_line(groups: int, total: int, jobs: int) -> str:
    """What the groups are of."""
    shown = f"the first {groups} of {total:,}" if total > groups else f"{total:,}"
    return f"{shown} error {'group' if total == 1 else 'groups'} of {jobs:,} failed jobs still kept · Enter: its jobs"


def error_row(one: ErrorGroup) -> Row:
    """A group of failures."""
    numbers = tuple(fmt.count(number) for number in (one.count, one.last_hour, one.last_day, one.last_week))
    return Row(one.fingerprint, (*numbers, fmt.clean(one.message or "(no message)")))


def schedule_row(one: NextRun, now: datetime) -> Row:
    """A schedule, by its next run."""
    schedule = one.schedule
    seconds = distance(one.at, now)
    when = one.reason or fmt.UNKNOWN
    if one.at is not None and seconds is not None:
        when = f"in {fmt.age(max(0.0, -seconds))}, {fmt.timestamp(one.at)[:-4]}Z"
    cells = (schedule.key or "(no key)", when, schedule.cron, schedule.timezone or "UTC")
    return Row(f"key {schedule.key}", tuple(map(fmt.clean, cells)))
