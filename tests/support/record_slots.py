"""Sample values and slots for the statements of the operator's log and the archive."""

from __future__ import annotations

from collections.abc import Mapping

from psycopg import sql

from bossctl.sql.archives import to_native
from bossctl.sql.catalog import Catalog
from bossctl.sql.ownschema import as_line, as_texts, own, stored
from bossctl.sql.relations import relations
from bossctl.sql.undoing import AFTER_PAGE, named

ID = "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e"

RECORD_VALUES: Mapping[str, object] = {
    "columns": ["id"],
    "kept": ["id"],
    "shape": 1,
    "child_ids": [ID],
    "parent_ids": [ID],
    "child_names": ["a"],
    "parent_names": ["a"],
    "operations": ["x"],
    "origins": [ID],
    "xids": [1],
    "before": "2026-01-01T00:00:00Z",
    "undone": 1,
    "changed": 1,
    "details": "{}",
}


def record_slots(catalog: Catalog) -> dict[str, sql.Composable]:
    """Every slot of those statements that is no relation."""
    return {
        **stored(catalog, "image", tuple(catalog.columns("job"))),
        **(to_native(catalog) if catalog.has("archive") else {}),
        "put": sql.SQL("id"),
        "picked": sql.SQL("j.id"),
        "beyond": AFTER_PAGE,
        "restored": sql.SQL("priority = 0"),
        "named": named(catalog),
        "rows": sql.SQL("(SELECT id, name, id AS origin, 0::bigint AS undo_xid FROM {})").format(
            relations(catalog)["job_table"]
        ),
        "texts": as_texts(tuple(catalog.columns("job"))),
        "line_texts": as_line(tuple(catalog.columns("job"))),
        "definitions": sql.SQL("id uuid"),
        "table": own("image"),
        "additions": sql.SQL("ADD COLUMN IF NOT EXISTS newer int"),
    }
