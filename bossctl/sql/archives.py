"""Moving jobs to an archive and back: which columns, and why a row cannot come back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.catalog import Catalog
from bossctl.sql.change_kinds import FINISHED, WAITING, blocks_flow
from bossctl.sql.changes import EACH, Change, over_table
from bossctl.sql.ownschema import Shape, kept_rows
from bossctl.sql.relations import canonical_rows, job_columns
from bossctl.sql.spelling import spelled
from bossctl.sql.text import trusted

ARCHIVED_AFTER = "12 hours"
"""What 8 to 10 archive after by default; the limit itself is in the configuration of pg-boss's clients."""

LONGEST_SECONDS = 2_147_483_647
ARCHIVED = "id-archived"


def archived(queries: Queries, *, own: bool, exported: bool) -> Change:
    """Finished jobs that no other job waits for, unless the archive has their id already."""
    reasons = blocks_flow(queries)
    if not exported:
        reasons = (*reasons, *_already_archived(queries, own=own))
    return Change(
        states=FINISHED,
        unfit="not-finished",
        reasons=reasons,
        values={"schema": queries.catalog.schema, "generation": queries.catalog.generation},
        keyed=frozenset({ARCHIVED} if own or _archive_key(queries.catalog) else ()),
    )


def _already_archived(queries: Queries, *, own: bool) -> tuple[tuple[str, str], ...]:
    catalog = queries.catalog
    if own:
        if not catalog.has("own:archive"):
            return ()
        table, same = (
            queries.relation("own_archive"),
            f"a.bossctl_schema = {_literal(catalog.schema)} AND a.name = j.name",
        )
    else:
        table, same = queries.relation("archive"), "a.name = j.name" if catalog.has("queue") else "true"
    twin = f"SELECT 1 FROM {table.as_string(None)} AS a WHERE a.id = j.id AND {same} {EACH}"
    return ((ARCHIVED, f"EXISTS ({twin})"),)


def _archive_key(catalog: Catalog) -> bool:
    """Whether pg-boss's archive has a primary key: in 10 (name and id), not in 8 and 9."""
    return any(index.name == "archive_pkey" and index.unique and index.valid for index in catalog.indexes)


def _archived_meanwhile(queries: Queries) -> tuple[tuple[str, str], ...]:
    kinds = [own for own, fact in ((False, "archive"), (True, "own:archive")) if queries.catalog.has(fact)]
    return tuple(reason for own in kinds for reason in _already_archived(queries, own=own))


def put_back(
    queries: Queries,
    source: sql.Composable,
    *,
    keep_seconds: int | None,
    twice: bool = False,
    image: bool = False,
    overdue: bool = False,
) -> Change:
    """Rows of `source` (canonical) put back among the live jobs as they are.

    `keep_seconds` gives those more time that retention would remove; `twice`: the source may hold an id several times.
    An `image` stays where it is: what it is of may have come back, and have been archived since. `overdue`: finished
    rows come back though maintenance would take them away again, as they were left to it before.
    """
    catalog = queries.catalog
    names = (name for name in job_columns(catalog) if name not in ("id", "name"))
    after = {name: f"j.{name}" for name in names if spelled(catalog, name)}
    values: dict[str, object] = {"schema": catalog.schema}
    if keep_seconds is not None:
        values["keep"] = keep_seconds
        after |= {name: expression for name, expression in _kept_longer(catalog).items() if name in after}
    return Change(
        states=(*WAITING, *FINISHED),
        unfit="was-active",
        reasons=(
            *((("id-twice", _twice(queries)),) if twice else ()),
            ("id-taken", _taken(queries)),
            *(_archived_meanwhile(queries) if image else ()),
            *_without_queue(queries),
            ("past-retention", past_retention(catalog, kept=keep_seconds is not None, overdue=overdue)),
        ),
        after=after,
        facts={"waiting": "j.state < 'active'", "overdue": _overdue(catalog) if keep_seconds is None else "false"},
        values=values,
        source=source,
        copies=True,
    )


def past_retention(catalog: Catalog, *, kept: bool, overdue: bool = False) -> str:
    """Whether maintenance would remove a row at once; with `kept` where more time cannot be given."""
    waiting = "j.state < 'active' AND j.keep_until < now()"
    ended = "false" if overdue or (kept and catalog.has("job.deletion_seconds")) else _overdue(catalog)
    return ended if kept else f"({waiting}) OR ({ended})"


def _overdue(catalog: Catalog) -> str:
    """Whether a finished row is older than maintenance leaves it among the live ones."""
    if not catalog.has("job.deletion_seconds"):
        return f"j.state > 'active' AND j.completed_on < now() - interval '{ARCHIVED_AFTER}'"
    least = 0 if catalog.has("bam") else -1  # 0 is for ever from 12.7 on, and at once before
    over = f"j.deletion_seconds > {least} AND j.completed_on + make_interval(secs => j.deletion_seconds) < now()"
    return f"j.state > 'active' AND {over}"


def _kept_longer(catalog: Catalog) -> dict[str, str]:
    longer = "greatest(j.keep_until, now() + make_interval(secs => %(keep)s::float8))"
    found = {"keep_until": f"CASE WHEN j.state < 'active' THEN {longer} ELSE j.keep_until END"}
    age = "ceil(extract(epoch FROM now() - j.completed_on))"
    needed = f"least(greatest(j.deletion_seconds, {age} + %(keep)s::float8), {LONGEST_SECONDS})::int"
    found["deletion_seconds"] = f"CASE WHEN {_overdue(catalog)} THEN {needed} ELSE j.deletion_seconds END"
    return found


def _taken(queries: Queries) -> str:
    same = " AND live.name = j.name" if queries.catalog.has("queue") else ""
    return f"EXISTS (SELECT 1 FROM {_name(queries, 'job_table')} AS live WHERE live.id = j.id{same} {EACH})"


def _twice(queries: Queries) -> str:
    return f"(SELECT count(*) FROM {_name(queries, 'archive')} AS a WHERE a.id = j.id) > 1"


def _without_queue(queries: Queries) -> tuple[tuple[str, str], ...]:
    """From 10 on a job needs its queue, and the queue of its dead letters."""
    if not queries.catalog.has("queue"):
        return ()
    queue = _name(queries, "queue_table")
    return (
        ("queue-gone", f"NOT EXISTS (SELECT 1 FROM {queue} AS q WHERE q.name = j.name)"),
        (
            "dead-letter-gone",
            f"j.dead_letter IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {queue} AS q WHERE q.name = j.dead_letter)",
        ),
    )


def native_rows(catalog: Catalog) -> sql.Composed:
    """The rows of pg-boss's archive table as rows of the job table, as far as both have the columns."""
    columns = native_columns(catalog)
    listed = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("(SELECT {} FROM {})").format(listed, sql.Identifier(catalog.schema, "archive"))


def native_columns(catalog: Catalog) -> tuple[str, ...]:
    """Columns that the job table and pg-boss's archive share."""
    held = catalog.columns("archive")
    return tuple(column for column in catalog.columns("job") if column in held)


def native_only(catalog: Catalog) -> tuple[str, ...]:
    """Columns of the job table that pg-boss's archive does not have: what they hold would be lost there."""
    held = catalog.columns("archive")
    return tuple(column for column in catalog.columns("job") if column not in held)


def to_native(catalog: Catalog) -> dict[str, sql.Composable]:
    """Slots for moving rows into pg-boss's archive."""
    columns = list(map(sql.Identifier, native_columns(catalog)))
    stamp = "archivedon" if "archivedon" in catalog.columns("archive") else "archived_on"
    return {
        "held": sql.SQL(", ").join(columns),
        "stamp": sql.Identifier(stamp),
    }


def own_rows(catalog: Catalog, shape: Shape) -> sql.Composed:
    """The rows of bossctl's own archive that are of this schema and shape."""
    where = sql.SQL("o.bossctl_schema = {} AND o.bossctl_shape = {}").format(
        sql.Literal(catalog.schema), sql.Literal(shape.number)
    )
    return kept_rows(catalog, "archive", shape, where)


def targets(catalog: Catalog, columns: Sequence[str], change: Change) -> dict[str, sql.Composable]:
    """Slots for putting rows back: the columns they have and this job table knows, with what `change` gives them."""
    known = [column for column in columns if column in catalog.columns("job")]
    given = _given(catalog, change)
    picked = [
        sql.SQL("{}").format(given[column]) if column in given else sql.SQL("j.{}").format(sql.Identifier(column))
        for column in known
    ]
    return {
        "put": sql.SQL(", ").join(map(sql.Identifier, known)),
        "picked": sql.SQL(", ").join(picked),
    }


def _given(catalog: Catalog, change: Change) -> Mapping[str, sql.Composable]:
    found: dict[str, sql.Composable] = {}
    for name, expression in change.after.items():
        column = spelled(catalog, name)
        if column is not None and expression != f"j.{name}":
            found[column] = trusted(over_table(expression, catalog))
    return found


def canonical(catalog: Catalog, rows: sql.Composable, columns: Sequence[str]) -> sql.Composable:
    """Stored rows, given as rows of the job table with these columns, under the canonical names."""
    job = catalog.columns("job")
    return canonical_rows(rows, {column: job[column] for column in columns if column in job})


def _name(queries: Queries, relation: str) -> str:
    return queries.relation(relation).as_string(None)


def _literal(text: str) -> str:
    return sql.Literal(text).as_string(None)
