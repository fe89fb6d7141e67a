"""The one door through which text of this package becomes SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString, cast

from psycopg import sql

Composable = sql.Composable
"""What layers that must not know the driver call a piece of SQL."""


def trusted(text: str) -> sql.SQL:
    """SQL from this package's own files and constants; never from a user or a database."""
    return sql.SQL(cast(LiteralString, text))


def id_array(ids: Iterable[str]) -> str:
    """Ids as PostgreSQL writes an array: thousands bound as a list would each be looked at by the driver."""
    return f"{{{','.join(ids)}}}"


def place_array(places: Iterable[str]) -> str:
    """Places of rows as PostgreSQL writes an array of them."""
    listed = '","'.join(places)
    return f'{{"{listed}"}}' if listed else "{}"


def place_list(text: str | None) -> list[str]:
    """Places that came as one text."""
    return text.split(" ") if text else []


def id_list(text: str | None) -> list[str]:
    """Ids that came as one text."""
    return text.split(",") if text else []
