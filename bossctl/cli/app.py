"""All commands, put together."""

from __future__ import annotations

from bossctl.cli import doctor, info, jobs, playground, queue_delete, queue_ensure, queue_files, queues, services
from bossctl.cli.options import Command, group

app = group(
    "See and operate PostgreSQL job queues run by pg-boss.",
    epilog="\b\nExample:\n  bossctl doctor --dsn postgresql://user@host:5432/database",
)

_queue = group("List, show, ensure, export and delete queues.")
_queue.command("list", cls=Command)(queues.list_queues)
_queue.command("show", cls=Command)(queues.show_queue)
_queue.command("ensure", cls=Command)(queue_ensure.ensure_queues)
_queue.command("export", cls=Command)(queue_files.export_queues)
_queue.command("delete", cls=Command)(queue_delete.delete_queue)

_job = group("Find jobs and look inside.")
_job.command("list", cls=Command)(jobs.list_jobs)
_job.command("show", cls=Command)(jobs.show_job)

_schedule = group("List cron schedules.")
_schedule.command("list", cls=Command)(services.list_schedules)

_worker = group("List the processes that work the queues.")
_worker.command("list", cls=Command)(services.list_workers)

app.command("tui", cls=Command)(playground.tui)
app.command("doctor", cls=Command)(doctor.doctor)
app.command("info", cls=Command)(info.info)
app.command("stats", cls=Command)(info.stats)
app.add_typer(_queue, name="queue")
app.add_typer(_job, name="job")
app.add_typer(_schedule, name="schedule")
app.add_typer(_worker, name="worker")
app.command("demo", cls=Command)(playground.demo)
