"""All commands, put together; where the first word names one of them or their group, only those are loaded."""

from __future__ import annotations

from collections.abc import Callable

import typer

from bossctl.cli.options import add, group


def command_line(first: str | None = None) -> typer.Typer:
    """The commands that a line which begins with this word can mean: what it names, or else all of them."""
    app = group(
        "See and operate PostgreSQL job queues run by pg-boss.",
        epilog="\b\nExample:\n  bossctl doctor --dsn postgresql://user@host:5432/database",
    )
    for adding in [_ADDING[first]] if first in _ADDING else dict.fromkeys(_ADDING.values()):
        adding(app)
    return app


def _add_queue(app: typer.Typer) -> None:
    from bossctl.cli import queue_delete, queue_ensure, queue_files, queues

    commands = group("List, show, ensure, export and delete queues.")
    add(commands, "list", queues.list_queues)
    add(commands, "show", queues.show_queue)
    add(commands, "ensure", queue_ensure.ensure_queues)
    add(commands, "export", queue_files.export_queues)
    add(commands, "delete", queue_delete.delete_queue)
    app.add_typer(commands, name="queue")


def _add_job(app: typer.Typer) -> None:
    from bossctl.cli import explain, job_actions, job_archive, jobs

    commands = group("Find jobs and look inside.")
    add(commands, "list", jobs.list_jobs)
    add(commands, "show", jobs.show_job)
    add(commands, "explain", explain.explain_job)
    add(commands, "errors", explain.job_errors)
    add(commands, "retry", job_actions.retry)
    add(commands, "cancel", job_actions.cancel)
    add(commands, "resume", job_actions.resume)
    add(commands, "defer", job_actions.defer)
    add(commands, "redrive", job_actions.redrive)
    add(commands, "archive", job_archive.archive)
    add(commands, "restore", job_archive.restore)
    add(commands, "resend", job_actions.resend)
    add(commands, "delete", job_actions.delete)
    app.add_typer(commands, name="job")


def _add_services(app: typer.Typer) -> None:
    from bossctl.cli import services

    schedules = group("List cron schedules.")
    add(schedules, "list", services.list_schedules)
    app.add_typer(schedules, name="schedule")
    workers = group("List the processes that work the queues.")
    add(workers, "list", services.list_workers)
    app.add_typer(workers, name="worker")


def _add_tui(app: typer.Typer) -> None:
    from bossctl.cli import playground

    add(app, "tui", playground.tui)


def _add_doctor(app: typer.Typer) -> None:
    from bossctl.cli import doctor

    add(app, "doctor", doctor.doctor)


def _add_info(app: typer.Typer) -> None:
    from bossctl.cli import info

    add(app, "info", info.info)
    add(app, "stats", info.stats)


def _add_records(app: typer.Typer) -> None:
    from bossctl.cli import records

    add(app, "log", records.log)
    add(app, "undo", records.undo)


def _add_demo(app: typer.Typer) -> None:
    from bossctl.cli import playground

    add(app, "demo", playground.demo)


_ADDING: dict[str | None, Callable[[typer.Typer], None]] = {
    "tui": _add_tui,
    "doctor": _add_doctor,
    "info": _add_info,
    "stats": _add_info,
    "queue": _add_queue,
    "job": _add_job,
    "schedule": _add_services,
    "worker": _add_services,
    "log": _add_records,
    "undo": _add_records,
    "demo": _add_demo,
}
"""What adds the commands of a first word, in the order in which all of them are listed."""
