"""Schedules and workers for people."""

from __future__ import annotations

from collections.abc import Sequence

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.shapes import SCHEDULE_RUNS
from bossctl.cli.table import Cell, Column, Table, state_cell
from bossctl.cli.views.words import given, since
from bossctl.format import timestamp
from bossctl.models.schedules import ScheduleRecord
from bossctl.models.workers import Worker, Workers

SCHEDULE_COLUMNS = (
    Column("QUEUE", least=20),
    Column("KEY", rank=3),
    Column("CRON", least=24),
    Column("ZONE", rank=2),
    Column("NEXT", rank=0),
    Column("LAST JOB", whole=True, rank=1),
    Column("STATE", rank=5),
    Column("MISSED", right=True, rank=4),
)
WORKER_COLUMNS = (
    Column("INSTANCE", whole=True),
    Column("ALIVE"),
    Column("RELEASE", rank=2),
    Column("HOST", rank=1),
    Column("PID", right=True, rank=3),
    Column("HEARTBEAT", right=True),
    Column("ACTIVE", right=True, rank=5),
    Column("SOURCE", rank=4),
    Column("QUEUES"),
)


def schedule_list(printer: Printer, found: Sequence[ScheduleRecord]) -> None:
    """One line per schedule."""
    if not found:
        talk.say("note: there are no schedules in this schema")
        return
    printer.table(Table(SCHEDULE_COLUMNS, [_schedule(one) for one in found]))


def _schedule(record: ScheduleRecord) -> list[Cell | str]:
    schedule, last = record.schedule, record.schedule.last_job
    runs = ", ".join(timestamp(run) for run in record.next[:SCHEDULE_RUNS])
    return [
        schedule.queue,
        given(schedule.key),
        schedule.cron,
        schedule.timezone or "UTC",
        runs or record.no_next or "-",
        last.id if last else "-",
        state_cell(last.state) if last else "-",
        _missed(record),
    ]


def _missed(record: ScheduleRecord) -> Cell | str:
    """How many of the slots looked at; `?` where it is not known."""
    if record.missed is None:
        return "?"
    text = f"{record.missed} of {record.looked}"
    return Cell(text, "red") if record.missed else text


def worker_list(printer: Printer, found: Workers) -> None:
    """One line per process."""
    if not found.workers:
        talk.say("note: no pg-boss process is connected")
        return
    printer.table(Table(WORKER_COLUMNS, worker_rows(found.workers)))


def worker_rows(workers: Sequence[Worker]) -> list[list[Cell | str]]:
    """Rows of WORKER_COLUMNS."""
    return [_worker(worker) for worker in workers]


def _worker(worker: Worker) -> list[Cell | str]:
    return [
        worker.instance,
        Cell("yes", "green") if worker.alive else Cell("no", "red"),
        given(worker.release),
        given(worker.host),
        given(worker.pid),
        since(worker.heartbeat_age_seconds),
        given(worker.active),
        worker.source,
        ", ".join(worker.queues) or "-",
    ]
