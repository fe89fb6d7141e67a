"""Sample slots and values of the statements that act on jobs, for planning each on every release."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from bossctl.sql import Queries
from bossctl.sql.at_once import GIVEN, LOCKED_LINES, NOTHING, any_links
from bossctl.sql.catalog import Catalog
from bossctl.sql.change_kinds import deleted
from bossctl.sql.changes import BY_ID, NOT_JOINED, PLACE, eligible, flags, inserted, reason, retained, target
from bossctl.sql.new_jobs import resent
from bossctl.sql.ownschema import as_line, line_of
from bossctl.sql.relations import placed_rows, row_columns
from bossctl.sql.slots import SlotGroup, UniqueIndex, branches, candidates, filled, possible
from bossctl.sql.text import trusted

ID = "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e"

VALUES: Mapping[str, object] = {
    "new_ids": [ID],
    "most": 1,
    "places": "{}",
    "xid": "1",
    "total": 1,
    "retained": 1,
    "table_names": ["a"],
}


def action_slots(catalog: Catalog) -> dict[str, sql.Composable]:
    """Slot → what it may be filled with."""
    queries = Queries(catalog)
    change, copied = deleted(queries), resent(queries)
    index = UniqueIndex("job", "state <= 'active'", ("name", "COALESCE(id, id)"), ("id", "name", "state"), True)
    group = SlotGroup("job", ("a",), (index, index))
    columns, values = inserted(copied, catalog)
    return {
        "locking": trusted("SELECT id, ctid AS place, false AS retained, false AS slotted, '' AS line FROM {}").format(
            queries.relation("job_table")
        ),
        "taking": NOTHING,
        "row_columns": row_columns(catalog),
        "first": NOTHING,
        "last": NOTHING,
        "changed_rows": GIVEN["changed"],
        "retained_rows": GIVEN["retained"],
        "total_rows": GIVEN["total"],
        "linked": any_links(queries),
        "lines": LOCKED_LINES,
        "leaving": queries.get("leaving_lines", chosen=BY_ID, line_texts=as_line(("id",))).text,
        "deed": queries.get("action_leaving", chosen=BY_ID).text,
        "changed": queries.relation("job_table"),
        "gone": queries.relation("job_table"),
        "reason": reason(change, catalog),
        "eligible": eligible(change, catalog),
        "retained": retained(queries),
        "flags": flags(change)[0],
        "counted": flags(change)[1],
        "chosen": BY_ID,
        "place": PLACE,
        "slotted": possible((group,), copied, queries),
        "line": line_of(catalog, ("id", "state", "keep_until")),
        "joined": copied.joined or NOT_JOINED,
        "target": target(copied),
        "candidates": candidates(group, copied, queries),
        "filled": filled(group),
        "branches": branches(group, copied, catalog),
        "new_columns": columns,
        "new_values": values,
        "acted": placed_rows(catalog),
    }
