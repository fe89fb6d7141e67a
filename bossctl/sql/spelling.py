"""What the job table calls the canonical columns."""

from __future__ import annotations

from bossctl.sql.catalog import Catalog
from bossctl.sql.relations import _JOB, Column


def spelled(catalog: Catalog, name: str) -> str | None:
    """The table's own name of a canonical job column; None where it has none that holds the same as it stands."""
    available = catalog.columns("job")
    sources = _column(name).sources
    return next((source for source, expression in sources if source in available and expression == source), None)


def computed(catalog: Catalog, name: str) -> str:
    """A canonical column as an expression over the job table, with bare column names."""
    available = catalog.columns("job")
    column = _column(name)
    return next((expression for source, expression in column.sources if source in available), column.default)


def _column(name: str) -> Column:
    return next(one for one in _JOB if one.name == name)
