"""What the job table calls the canonical columns."""

from __future__ import annotations

from bossctl.sql.catalog import Catalog
from bossctl.sql.relations import _JOB


def spelled(catalog: Catalog, name: str, table: str = "job") -> str | None:
    """What the table calls a canonical job column; None where it has none that holds the same as it stands."""
    available = catalog.columns(table)
    column = next(one for one in _JOB if one.name == name)
    return next((source for source, expression in column.sources if source in available and expression == source), None)
