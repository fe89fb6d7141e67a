"""Opening a test's database as bossctl does."""

from __future__ import annotations

from bossctl.config import ConnectionSpec
from bossctl.store import Store
from tests.support.database import Database


def spec_of(database: Database, schema: str | None = None, *, dsn: str | None = None) -> ConnectionSpec:
    """How `--dsn … --schema …` would resolve; `schema` None leaves it to be found."""
    return ConnectionSpec(dsn or database.dsn, schema, "--dsn", None, None, False, 30.0)


async def open_store(database: Database, schema: str | None = None, *, pooled: bool = False) -> Store:
    """A store on the database; the caller closes it, best with `async with`."""
    return await Store.open(spec_of(database, schema or database.schema), pooled=pooled)
