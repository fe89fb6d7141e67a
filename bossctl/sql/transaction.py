"""How a transaction begins, with its timeouts."""

from __future__ import annotations

from functools import cache

from psycopg import sql

from bossctl.sql import Query, bare


def milliseconds(seconds: float) -> sql.Literal:
    """A timeout as the server takes it; at least one millisecond, since zero means none."""
    return sql.Literal(max(1, round(seconds * 1000)))


@cache
def begin(name: str, timeout_seconds: float, lock_timeout_seconds: float) -> Query:
    """`begin_read`, `begin_write` and their like, with statement and lock timeouts; idle, it ends after a minute."""
    return bare(
        name,
        statement_timeout=milliseconds(timeout_seconds),
        lock_timeout=milliseconds(lock_timeout_seconds),
        idle_timeout=milliseconds(max(60.0, timeout_seconds)),
    )
