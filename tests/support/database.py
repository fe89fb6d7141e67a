"""One test's own database with a pg-boss schema in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import psycopg
from psycopg import sql

from tests.support.bed import Bed, install


@dataclass(frozen=True)
class Database:
    """A database in which pg-boss `release` has made `schema`.

    `execute` and `value` run SQL at once, each statement its own transaction, with `schema` on the search path: a test
    writes `SELECT … FROM job`.
    """

    bed: Bed
    name: str
    release: str
    schema: str = "pgboss"

    @property
    def dsn(self) -> str:
        """A URL for libpq and node-postgres alike."""
        return self.bed.dsn(self.name)

    @property
    def spelling(self) -> str:
        """The schema as pg-boss's own option wants it: in double quotes where PostgreSQL would want them (12.27+)."""
        return spelling(self.schema)

    @cached_property
    def connection(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection in autocommit mode, opened at the first use and closed after the test."""
        connection = psycopg.connect(self.dsn, autocommit=True, prepare_threshold=None)
        connection.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(self.schema)))
        return connection

    @property
    def schema_number(self) -> int:
        """The number in the schema's version table, such as 24."""
        return int(self.value("SELECT version FROM version"))

    def execute(self, statement: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one statement (psycopg placeholders) and return its rows, if it has any."""
        cursor = self.connection.execute(statement.encode(), params)
        return cursor.fetchall() if cursor.description else []

    def value(self, statement: str, params: Sequence[Any] | Mapping[str, Any] | None = None) -> Any:
        """The first column of the only row."""
        [(value,)] = self.execute(statement, params)
        return value

    def install(self, release: str, schema: str) -> None:
        """Let another release make a second schema beside the first."""
        install(release, self.dsn, spelling(schema))

    def drop(self) -> None:
        """Close the connection and drop the database, whoever is in it."""
        if "connection" in self.__dict__:
            self.connection.close()
        self.bed.drop(self.name)


def spelling(schema: str) -> str:
    """A schema name as pg-boss's option `schema` takes it; before 12.27 it takes no quoted ones."""
    return schema if re.fullmatch("[a-z_][a-z0-9_]*", schema) else f'"{schema}"'
