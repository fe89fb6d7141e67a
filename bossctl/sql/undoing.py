"""What undo compares and puts back: the rows an operation left, beside what they were before.

A row is as the operation left it when the transaction that wrote it last is the operation's own: its `xmin`, the lower
half of a number that counts on. Bound are always `of_queue`, `group_ids` and `undo_xid`, that half number; for the own
schema `operation` and `xid`, the whole number; for a file all it holds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.archives import archived, canonical, native_columns, put_back
from bossctl.sql.catalog import Catalog
from bossctl.sql.change_kinds import FINISHED, WAITING
from bossctl.sql.changes import Change
from bossctl.sql.ownschema import Shape, kept_rows, typed
from bossctl.sql.relations import LIVE_COLUMNS, job_columns, live_rows, own_archive
from bossctl.sql.spelling import spelled
from bossctl.sql.text import trusted

CHANGED_SINCE = ("changed-since", "j.row_xid IS DISTINCT FROM j.undo_xid")


def image_rows(catalog: Catalog, shape: Shape, kind: str) -> sql.Composed:
    """Images of one transaction, kind, queue and shape in the own schema."""
    where = sql.SQL(
        "o.bossctl_operation = %(operation)s AND o.bossctl_xid = %(xid)s::bigint AND o.bossctl_kind = {}"
        " AND o.name = %(of_queue)s AND o.id = ANY (%(group_ids)s::uuid[]) AND o.bossctl_shape = {}"
    ).format(sql.Literal(kind), sql.Literal(shape.number))
    return kept_rows(catalog, "image", shape, where)


def made_rows(queries: Queries) -> sql.Composed:
    """What one transaction made, with what each was made from, in the own schema."""
    return trusted(
        "(SELECT o.id, o.name, o.bossctl_origin AS origin, %(undo_xid)s::bigint AS undo_xid FROM {image} AS o"
        " WHERE o.bossctl_operation = %(operation)s AND o.bossctl_xid = %(xid)s::bigint AND o.bossctl_kind = 'made')"
    ).format(image=queries.relation("own_image"))


def text_rows(catalog: Catalog, columns: Sequence[str]) -> sql.Composed:
    """Rows of a file: `text_rows` is bound to a JSON array with an array of texts for each."""
    job = catalog.columns("job")
    picked = [
        sql.SQL("{} AS {}").format(
            typed(trusted(f"(t.r ->> {place})"), "text", job[column], column, catalog), sql.Identifier(column)
        )
        for place, column in enumerate(columns)
        if column in job
    ]
    return sql.SQL("(SELECT {} FROM jsonb_array_elements(%(text_rows)s::jsonb) AS t(r))").format(
        sql.SQL(", ").join(picked)
    )


TEXT_MADE = trusted(
    "(SELECT t.id, t.name, t.origin, %(undo_xid)s::bigint AS undo_xid"
    " FROM unnest(%(made)s::uuid[], %(made_in)s::text[], %(origins)s::uuid[]) AS t(id, name, origin))"
)
"""The same of a file."""


AFTER_PAGE = trusted("o.id > %(after_id)s::uuid")
"""Where the next page of ids begins."""


def changed(queries: Queries, rows: sql.Composable, columns: Sequence[str]) -> Change:
    """Rows that were changed, to be given the values they had before."""
    catalog = queries.catalog
    before = {column: name for column, name in _canonical(catalog, columns).items() if name not in ("id", "name")}
    picked = [
        sql.SQL("before.{} AS {}").format(sql.Identifier(column), sql.Identifier(f"before_{name}"))
        for column, name in before.items()
    ]
    # Row by row, by the stored id: where a table was never analysed the planner would read the queue for each of them.
    live = [sql.SQL("live.{}").format(sql.Identifier(name)) for name in LIVE_COLUMNS if name != "id"]
    source = sql.SQL(
        "(SELECT before.id, %(undo_xid)s::bigint AS undo_xid, {} FROM {} AS before CROSS JOIN LATERAL"
        " (SELECT l.* FROM {} AS l WHERE l.name = {} AND l.id = before.id OFFSET 0) AS live)"
    ).format(sql.SQL(", ").join([*live, *picked]), rows, live_rows(catalog), named(catalog, "of_queue"))
    return Change(
        states=catalog.states,
        unfit="unknown-state",
        reasons=(CHANGED_SINCE, *_of_state(frozenset(before.values()))),
        after={name: f"j.before_{name}" for name in before.values()},
        source=source,
    )


def named(catalog: Catalog, bound: str = "queue") -> sql.Composable:
    """The name of the queue as it is compared where rows are found by name and id, one by one.

    Of a queue filled since the table was analysed the planner believes that it has no rows, and takes any index on the
    name for as good as the one on name and id. A name it cannot know yet is judged by how many there are.
    """
    own_tables = catalog.has("queue.partition_name")  # pg-boss 10: the name itself says at once which table is meant
    return trusted(f"%({bound})s" if own_tables else f"(SELECT %({bound})s::text)")


def _of_state(names: frozenset[str]) -> tuple[tuple[str, str], ...]:
    """A job that was active is not made active again; one that waited must have time left to run."""
    if "state" not in names:
        return ()
    keep = "j.before_keep_until" if "keep_until" in names else "j.keep_until"
    return (
        ("was-active", "j.before_state = 'active'"),
        ("past-retention", f"j.before_state < 'active' AND {keep} < now()"),
    )


def _left(queries: Queries) -> sql.Composed:
    """The live rows that the group is about."""
    return sql.SQL(
        "(SELECT l.*, %(undo_xid)s::bigint AS undo_xid FROM {} AS l"
        " WHERE l.name = %(of_queue)s AND l.id = ANY (%(group_ids)s::uuid[]))"
    ).format(live_rows(queries.catalog))


def restored_values(catalog: Catalog, columns: Sequence[str]) -> sql.Composable:
    """What UPDATE sets, from the images `i`."""
    names = [column for column, name in _canonical(catalog, columns).items() if name not in ("id", "name")]
    return sql.SQL(", ").join(sql.SQL("{0} = i.{0}").format(sql.Identifier(column)) for column in names)


def made(queries: Queries) -> Change:
    """Rows that were made, to be removed."""
    states = queries.catalog.states
    return Change(states=states, unfit="unknown-state", reasons=(CHANGED_SINCE,), source=_left(queries))


def unrestored(queries: Queries) -> Change:
    """Rows that were restored, to be archived again; pg-boss of 8 to 10 archives such as never ran, too."""
    change = archived(queries, own=not queries.catalog.has("archive"), exported=False)
    states, reasons = (*WAITING, *FINISHED), (CHANGED_SINCE, *change.reasons)
    return replace(change, states=states, unfit="active", reasons=reasons, source=_left(queries))


def gone(queries: Queries, rows: sql.Composable, columns: Sequence[str], pairs: sql.Composable | None = None) -> Change:
    """Rows that were deleted, to be put back; with `pairs` those that jobs were made from, if these can be removed."""
    source = canonical(queries.catalog, rows, columns)
    if pairs is None:
        return put_back(queries, source, keep_seconds=None, image=True, overdue=True)
    # One question for all of them, answered from a hash; asked for each it reads all pairs as often as there are rows.
    paired = trusted(
        "(SELECT c.*, CASE WHEN c.id IN (SELECT m.origin FROM {pairs} AS m JOIN {job} AS live"
        " ON live.name = m.name AND live.id = m.id WHERE live.xmin::text::bigint = m.undo_xid) THEN 0 END AS row_xid,"
        " 0 AS undo_xid FROM {source} AS c)"
    ).format(pairs=pairs, job=queries.relation("job_table"), source=source)
    change = put_back(queries, paired, keep_seconds=None, image=True)
    return replace(change, reasons=(CHANGED_SINCE, *change.reasons))


def archived_native(queries: Queries) -> Change:
    """Rows that were moved to pg-boss's archive and are there as they came."""
    catalog = queries.catalog
    columns = native_columns(catalog)
    rows = sql.SQL(
        "(SELECT {} FROM {} AS a WHERE a.name = %(of_queue)s AND a.id = ANY (%(group_ids)s::uuid[])"
        " AND a.xmin::text::bigint = %(undo_xid)s::bigint)"
    ).format(sql.SQL(", ").join(map(sql.Identifier, columns)), queries.relation("archive"))
    twice = not catalog.has("queue")
    return put_back(queries, canonical(catalog, rows, columns), keep_seconds=None, twice=twice, overdue=True)


def archived_own(queries: Queries) -> Change:
    """Rows that the operation moved to bossctl's own archive."""
    these = trusted("bossctl_operation = %(operation)s AND name = %(of_queue)s AND id = ANY (%(group_ids)s::uuid[])")
    return put_back(queries, own_archive(queries.catalog, these), keep_seconds=None)


def filed(queries: Queries, rows: sql.Composable, columns: Sequence[str], keep_seconds: int | None = None) -> Change:
    """Rows of a file, to be put back; where pg-boss archives what is old, it is not lost by coming back."""
    source, archives = canonical(queries.catalog, rows, columns), queries.catalog.has("archive")
    return put_back(queries, source, keep_seconds=keep_seconds, image=True, overdue=archives)


def _canonical(catalog: Catalog, columns: Sequence[str]) -> Mapping[str, str]:
    """Raw column → canonical name, for those that are stored as they stand."""
    names = {spelled(catalog, name): name for name in job_columns(catalog)}
    return {column: names[column] for column in columns if column in names}
