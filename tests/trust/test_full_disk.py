"""No room on the client's own disk for the log and for what is archived to a file: nothing is lost, and it is said."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bossctl.errors import Exit
from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory
from tests.support.database import Database
from tests.support.disk import small_disk
from tests.support.releases import NEWEST

JOBS = 2_500
FILL = """
INSERT INTO job (name, state, completed_on, data)
SELECT 'work', 'failed', now(), to_jsonb(repeat('x', 300)) FROM generate_series(1, %(jobs)s)
"""
FAILED = "SELECT count(*) FROM job WHERE state = 'failed'"


@pytest.fixture
def db(database: DatabaseFactory) -> Database:
    one = database(NEWEST)
    one.execute("""SELECT create_queue('work', '{"policy": "standard"}')""")
    one.execute(FILL, {"jobs": JOBS})
    return one


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "small", 2) as one:
        yield one


def filled(disk: Path, leaving: int) -> Path:
    """What takes all room but so many bytes."""
    ballast = disk / "ballast"
    ballast.write_bytes(bytes(shutil.disk_usage(disk).free - leaving))
    return ballast


@pytest.mark.matrix
@pytest.mark.parametrize(("leaving", "moved"), [(0, 0), (300_000, 0), (1_000_000, 1_000)])
def test_no_room_for_what_is_archived(bossctl: Bossctl, db: Database, disk: Path, leaving: int, moved: int) -> None:
    """Only what is safe in the file is deleted, and the file can be read as it is."""
    ballast, file = filled(disk, leaving), disk / "work.jsonl"
    result = bossctl("job", "archive", "queue:work", "--to", str(file), "--yes", "-o", "json", "--dsn", db.dsn)
    assert result.code == (Exit.PARTLY if moved else Exit.USAGE), result.err
    assert f"cannot write {file}: No space left on device" in result.err
    assert db.value(FAILED) == JOBS - moved
    ballast.unlink()
    if moved:
        assert result.json()["changed"] == moved
    else:
        again = bossctl("job", "archive", "queue:work", "--to", str(file), "--yes", "--dsn", db.dsn)
        assert again.code == Exit.OK, "what the first try wrote is not in the way"
    assert bossctl("job", "restore", "--from", str(file), "--yes", "--dsn", db.dsn).code == Exit.OK
    assert db.value(FAILED) == JOBS


@pytest.mark.matrix
@pytest.mark.parametrize(("leaving", "changed"), [(0, 0), (4_096, 0), (300_000, 1_000)])
def test_no_room_for_the_log(bossctl: Bossctl, db: Database, disk: Path, leaving: int, changed: int) -> None:
    """Nothing is done that could not be taken back, and what was done can be."""
    ballast, state = filled(disk, leaving), {"XDG_STATE_HOME": str(disk)}
    result = bossctl("job", "retry", "queue:work", "--yes", "-o", "json", "--dsn", db.dsn, env=state)
    assert result.code == (Exit.PARTLY if changed else Exit.USAGE), result.err
    assert "the record for undo cannot be written to" in result.err
    assert db.value(FAILED) == JOBS - changed
    ballast.unlink()
    if changed:
        assert bossctl("undo", "--yes", "--dsn", db.dsn, env=state).code == Exit.OK
        assert db.value(FAILED) == JOBS
