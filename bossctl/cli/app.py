"""All commands, put together."""

from __future__ import annotations

from bossctl.cli import (
    doctor,
    explain,
    info,
    job_actions,
    job_archive,
    jobs,
    playground,
    queue_delete,
    queue_ensure,
    queue_files,
    queues,
    records,
    services,
)
from bossctl.cli.options import add, group

app = group(
    "See and operate PostgreSQL job queues run by pg-boss.",
    epilog="\b\nExample:\n  bossctl doctor --dsn postgresql://user@host:5432/database",
)

_queue = group("List, show, ensure, export and delete queues.")
add(_queue, "list", queues.list_queues)
add(_queue, "show", queues.show_queue)
add(_queue, "ensure", queue_ensure.ensure_queues)
add(_queue, "export", queue_files.export_queues)
add(_queue, "delete", queue_delete.delete_queue)

_job = group("Find jobs and look inside.")
add(_job, "list", jobs.list_jobs)
add(_job, "show", jobs.show_job)
add(_job, "explain", explain.explain_job)
add(_job, "errors", explain.job_errors)
add(_job, "retry", job_actions.retry)
add(_job, "cancel", job_actions.cancel)
add(_job, "resume", job_actions.resume)
add(_job, "defer", job_actions.defer)
add(_job, "redrive", job_actions.redrive)
add(_job, "archive", job_archive.archive)
add(_job, "restore", job_archive.restore)
add(_job, "resend", job_actions.resend)
add(_job, "delete", job_actions.delete)

_schedule = group("List cron schedules.")
add(_schedule, "list", services.list_schedules)

_worker = group("List the processes that work the queues.")
add(_worker, "list", services.list_workers)

add(app, "tui", playground.tui)
add(app, "doctor", doctor.doctor)
add(app, "info", info.info)
add(app, "stats", info.stats)
app.add_typer(_queue, name="queue")
app.add_typer(_job, name="job")
app.add_typer(_schedule, name="schedule")
app.add_typer(_worker, name="worker")
add(app, "log", records.log)
add(app, "undo", records.undo)
add(app, "demo", playground.demo)
