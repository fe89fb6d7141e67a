"""A seeded database is built once and kept: its copies are moved in time so that its last moment is now."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from psycopg import sql

from tests.support.database import Database

# Rows of queue_stats lie in one partition per day and stay where they are.
COLUMNS = """
SELECT c.relname, a.attname
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = %s::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype) AND a.attnum > 0 AND NOT a.attisdropped
  AND c.relname <> 'queue_stats'
ORDER BY c.relname, a.attnum
"""


def freshen(database: Database) -> None:
    """Shift every time in the schema by the age of the seed, in whole minutes: cron slots keep their minute."""
    [(minutes,)] = database.execute(
        "SELECT floor(extract(epoch FROM now() - created_on) / 60)::int FROM subscription WHERE event = 'seeded'"
    )
    if minutes:
        for statement in _shifts(database):
            database.connection.execute(statement, {"minutes": minutes})


def _shifts(database: Database) -> Iterator[sql.Composed]:
    found = database.execute(COLUMNS, [database.schema])
    for table, columns in groupby(found, key=lambda row: str(row[0])):
        later = [
            sql.SQL("{0} = {0} + %(minutes)s * interval '1 minute'").format(sql.Identifier(name)) for _, name in columns
        ]
        yield sql.SQL("UPDATE {} SET {}").format(sql.Identifier(table), sql.SQL(", ").join(later))
