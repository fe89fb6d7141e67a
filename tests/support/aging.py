"""Making what is in a test's database older, where waiting would take too long."""

from __future__ import annotations

from tests.support.database import Database
from tests.support.releases import generation


def job_column(database: Database, name: str) -> str:
    """A column of the job table as this release spells it."""
    return name.replace("_", "") if generation(database.release) < 10 else name


def age(database: Database, seconds: float, *columns: str, where: str = "true") -> None:
    """Move these times of the jobs back."""
    moved = ", ".join(
        f"{name} = {name} - make_interval(secs => {float(seconds)})"
        for name in (job_column(database, column) for column in columns)
    )
    database.execute(f"UPDATE job SET {moved} WHERE {where}")
