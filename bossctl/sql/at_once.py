"""One statement that locks the jobs of a batch, keeps what undo needs of them and changes them."""

from __future__ import annotations

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.text import Composable, trusted

LOCKED = trusted("j.name = %(queue)s AND j.ctid = ANY (ARRAY(SELECT l.place FROM locked AS l))")
"""Those that this very statement has locked."""
GONE = trusted("gone")
"""Those that this very statement has deleted, whole."""
CHANGED = trusted("changed")
"""Those that this very statement has changed: their ids."""
NOTHING = trusted("")
LOCKED_LINES = trusted("string_agg(l.line, E'\\n')")
"""What was read of the rows when they were locked."""
CHANGED_LINES = trusted(
    "(SELECT CASE WHEN sum(octet_length(c.line)) <= %(most)s THEN string_agg(c.line, E'\\n') END FROM changed AS c)"
)
"""What was read of them when they were deleted; NULL for more than `most` bytes."""
CHANGED_ROWS = trusted("(SELECT count(*) FROM changed)")
RETAINED_ROWS = trusted("(SELECT count(*) FROM locked AS l WHERE l.retained)")
GIVEN = {name: trusted(f"%({name})s") for name in ("changed", "retained", "total")}
"""How many of them the statement has; or as many as are bound."""


def last(**statements: Composable) -> Composable:
    """What stands after a change: statements that count."""
    parts = [sql.SQL(", {} AS ({})").format(sql.Identifier(name), one) for name, one in statements.items()]
    return sql.SQL("").join(parts)


def kept_first(image: Composable) -> Composable:
    """What stands before a change: a statement that keeps the rows as they were."""
    return sql.SQL("kept AS ({}), ").format(image)


def gone_first(leaving: Composable) -> Composable:
    """What stands before rows are written elsewhere: a statement that deletes them."""
    return sql.SQL("gone AS ({}), ").format(leaving)


def any_links(queries: Queries) -> Composable:
    """Whether any job of this schema waits for another."""
    if not queries.catalog.has("job_dependency"):
        return trusted("false")
    return sql.SQL("EXISTS (SELECT FROM {})").format(queries.relation("job_dependency"))
