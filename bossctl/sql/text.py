"""The one door through which text of this package becomes SQL."""

from __future__ import annotations

from typing import LiteralString, cast

from psycopg import sql

Composable = sql.Composable
"""What layers that must not know the driver call a piece of SQL."""


def trusted(text: str) -> sql.SQL:
    """SQL from this package's own files and constants; never from a user or a database."""
    return sql.SQL(cast(LiteralString, text))
