"""Roles made by the very SQL that `bossctl info --grants` prints, and what every command is run with under them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.support.database import Database

JOB = "{job}"
"""Stands for a failed job of the queue mail in the command lines below."""

READS: Mapping[str, tuple[str, ...]] = {
    "info": ("info -o json", "info --grants viewer"),
    "stats": ("stats",),
    "doctor": ("doctor --fail-on never",),
    "queue list": ("queue list -o json",),
    "queue show": ("queue show mail",),
    "queue export": ("queue export",),
    "job list": ("job list state:failed", "job list archived:any queue:mail"),
    "job show": (f"job show {JOB}",),
    "job explain": (f"job explain {JOB}",),
    "job errors": ("job errors",),
    "schedule list": ("schedule list",),
    "worker list": ("worker list",),
    "log": ("log",),
}
"""Command → its lines; each must be answered under a viewer."""

ACTIONS: Mapping[str, tuple[str, ...]] = {
    "job retry": ("job retry is:stuck --yes", "job retry queue:mail state:failed --limit 2 --yes"),
    "undo": ("undo --yes",),
    "job cancel": ("job cancel queue:mail state:created --limit 1 --yes",),
    "job resume": ("job resume queue:mail state:cancelled --limit 1 --yes",),
    "job defer": ("job defer queue:mail state:created --by 1h --limit 1 --yes",),
    "job redrive": ("job redrive queue:mail-dead --limit 1 --to mail --yes",),
    "job resend": ("job resend queue:mail state:completed --limit 1 --yes",),
    "job delete": ("job delete queue:mail state:completed --limit 1 --yes",),
    "job archive": ("job archive queue:mail state:completed --limit 2 --yes",),
    "job restore": ("job restore queue:mail state:completed --limit 1 --keep 1d --yes",),
    "queue ensure": ("queue ensure mail --retry-limit 7", "queue ensure brand-new"),
    "queue delete": ("queue delete brand-new --yes",),
}
"""Command → its lines in an order in which each can do something; under a viewer each must be refused."""

NO_DATABASE = frozenset({"tui", "demo"})


@contextmanager
def role(database: Database, name: str, *, made_by: str | None = None) -> Iterator[str]:
    """A role for the length of a block, made by the SQL given, or with nothing but a login; how it connects."""
    password = secrets.token_urlsafe(12)
    identifier = sql.Identifier(name)
    database.connection.execute(made_by.encode() if made_by else sql.SQL("CREATE ROLE {} LOGIN").format(identifier))
    try:
        database.connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(identifier, password))
        yield make_conninfo(database.dsn, user=name, password=password)
    finally:
        database.connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [name])
        database.connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(identifier))
        database.connection.execute(sql.SQL("DROP ROLE {}").format(identifier))
