"""Every pg-boss release on every PostgreSQL from 13 to 18: readings and `queue ensure`; on the diagonal all actions."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bossctl.errors import Exit
from tests.cli.conftest import Bossctl
from tests.support.bed import Bed
from tests.support.database import Database
from tests.support.freshening import freshen
from tests.support.postgresql import SERVERS, note, on_diagonal, postgresql
from tests.support.releases import ALL_RELEASES, generation
from tests.support.roles import ACTIONS, JOB, READS

ENSURE = (
    ("queue ensure fresh --retry-limit 3", Exit.OK),
    ("queue ensure fresh --retry-limit 3", Exit.OK),
    ("queue ensure fresh --retry-limit 4 --check", Exit.FINDINGS),
    ("queue ensure fresh --retry-limit 4", Exit.OK),
    ("queue ensure fresh --policy stately", Exit.NOTHING),
    ("queue ensure fresh --dead-letter nowhere", Exit.NOTHING),
    ("queue ensure fresh --dead-letter mail", Exit.OK),
    ("queue delete fresh --yes", Exit.OK),
)
CELLS = [
    pytest.param(major, release, id=f"{major}-{release}{'-diagonal' if on_diagonal(major, release) else ''}")
    for major in SERVERS
    for release in ALL_RELEASES
]


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[Bed]:
    with postgresql(request.param) as bed:
        yield bed


@pytest.mark.matrix
@pytest.mark.parametrize(("server", "release"), CELLS, indirect=["server"])
def test_read_and_ensure_everywhere(bossctl: Bossctl, server: Bed, release: str) -> None:
    db = Database(server, server.create(server.seeded(release)), release)
    freshen(db)
    job = str(db.value("SELECT id FROM job WHERE name = 'mail' AND state = 'failed' LIMIT 1"))
    major = db.connection.info.server_version // 10_000
    lines = [(line, Exit.OK) for group in READS.values() for line in group] + list(ENSURE)
    if on_diagonal(major, release):
        lines += [(line, Exit.OK) for group in ACTIONS.values() for line in group]
    answers = {}
    for line, expected in lines:
        result = bossctl(*line.replace(JOB, job).split(), "--dsn", db.dsn)
        lacks = generation(release) < 10 and result.code == Exit.UNSUPPORTED
        assert result.code == expected or lacks, f"{line}: {result.code}\n{result.err}"
        assert not lacks or "queue table" in result.err or "came with pg-boss" in result.err, line
        answers[line] = int(result.code)
    db.drop()
    note(major, release, answers)
