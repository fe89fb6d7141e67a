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


# The last things a build does, such as stopping, come a moment after it has marked its end.
SLACK_SECONDS = 5


def freshen(database: Database) -> None:
    """Shift every time in the schema by the age of the seed, in whole minutes: cron slots keep their minute."""
    [(age,)] = database.execute(
        "SELECT extract(epoch FROM now() - created_on)::float FROM subscription WHERE event = 'seeded'"
    )
    minutes = max(0, int(age - SLACK_SECONDS) // 60)
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
