"""The seeded databases hold what their description says."""

from __future__ import annotations

import pytest

from tests.conftest import SeededFactory
from tests.seed.plan import plan
from tests.support.database import Database
from tests.support.releases import ALL_RELEASES, RELEASES_WITH_ARCHIVE


def counted(db: Database, table: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, state, number in db.execute(f"SELECT name, state::text, count(*) FROM {table} GROUP BY 1, 2"):
        found.setdefault(name, {})[state] = number
    return {name: states for name, states in found.items() if not name.startswith("__pgboss__")}


@pytest.mark.parametrize("release", ALL_RELEASES)
def test_every_state_is_there_as_planned(release: str, seeded: SeededFactory) -> None:
    assert counted(seeded(release), "job") == plan(release).counts
