"""What is held and kept of actions: no more than needed at once, no less than is true afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs import exports, filelog, interrupted
from bossctl.errors import Refused, UsageError
from bossctl.store import Store
from tests.conftest import SeededFactory
from tests.support.acting import request
from tests.support.recording import do, log, make_own_schema, planned, rows, undo
from tests.support.releases import NEWEST
from tests.support.stores import open_store

BOUND = 64 * 1024


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


def recorded() -> Path:
    [path] = filelog.log_directory().glob(f"*{filelog.SUFFIX}")
    return path


@pytest.mark.parametrize("release", ["9.0.3", NEWEST])
async def test_big_jobs_are_deleted_some_at_a_time(
    monkeypatch: pytest.MonkeyPatch, seeded: SeededFactory, release: str
) -> None:
    """A batch is bounded by what its image takes in memory; one job that is more than that goes alone."""
    monkeypatch.setattr(filelog, "IMAGE_BYTES", BOUND)
    db = seeded(release)
    sizes = "CASE WHEN n = 7 THEN 200000 ELSE 3000 END"
    db.execute(
        f"UPDATE job SET data = jsonb_build_object('big', repeat('x', {sizes})) FROM (SELECT id AS which,"
        " row_number() OVER (ORDER BY id) AS n FROM job WHERE name = 'thumbnails' AND state = 'completed') AS numbered"
        " WHERE id = which AND name = 'thumbnails'"
    )
    before = rows(db)
    done = await do(db, "delete", "queue:thumbnails state:completed")
    assert (done.changed, done.skipped) == (300, {})
    held = [(len(one.lines), sum(map(len, one.lines))) for [one] in filelog.transactions(recorded())]
    assert sum(count for count, _ in held) == 300
    assert max(size for count, size in held if count > 1) <= BOUND
    assert [count for count, size in held if size > BOUND] == [1]
    assert len(held) < 60
    back = await undo(db)
    assert (back.changed, rows(db)) == (300, before)


async def test_an_export_reads_big_jobs_some_at_a_time(
    monkeypatch: pytest.MonkeyPatch, seeded: SeededFactory, tmp_path: Path
) -> None:
    monkeypatch.setattr(exports, "PORTION_BYTES", BOUND)
    portions: list[int] = []
    append = exports._Export._append

    def watched(self: exports._Export, lines: list[str]) -> None:
        portions.append(sum(map(len, lines)))
        append(self, lines)

    monkeypatch.setattr(exports._Export, "_append", watched)
    db = seeded(NEWEST)
    db.execute("UPDATE job SET data = jsonb_build_object('big', repeat('x', 3000)) WHERE name = 'thumbnails'")
    before = rows(db)
    done = await do(db, "archive", "queue:thumbnails state:completed", path=str(tmp_path / "jobs.jsonl"))
    assert done.changed == 300
    assert BOUND < sum(portions) < len(portions) * 2 * BOUND
    assert max(portions) < 2 * BOUND
    await undo(db)
    assert rows(db) == before


async def test_the_rest_of_a_limited_export_goes_into_another_file(seeded: SeededFactory, tmp_path: Path) -> None:
    db, path = seeded(NEWEST), tmp_path / "jobs.jsonl.gz"
    before = rows(db)
    await do(db, "archive", "queue:thumbnails state:completed", path=str(path), limit=100)
    with pytest.raises(UsageError) as refused:
        await planned(db, "archive", "queue:thumbnails state:completed", path=str(path))
    rest = tmp_path / "jobs-2.jsonl.gz"
    assert f"--to {rest};" in (refused.value.hint or "")
    done = await do(db, "archive", "queue:thumbnails state:completed", path=str(rest))
    assert done.changed == 200
    assert "jobs-3.jsonl.gz" in str(interrupted.free_name(path))
    async with await open_store(db) as store:
        for one in (path, rest):
            asked = request("restore", "archived:any", path=str(one))
            operator = Operator(store)
            assert (await operator.apply_jobs(asked, await operator.plan_jobs(asked))).changed
    assert rows(db) == before


@pytest.mark.parametrize("where", ["file", "schema"])
async def test_an_undo_that_was_killed_counts_what_it_did(seeded: SeededFactory, where: str) -> None:
    """Its own record has it, although it never came to note it with the operation it takes back."""
    db = seeded(NEWEST)
    done = await do(db, "cancel", "queue:exports")
    path = recorded()
    if where == "schema":
        await make_own_schema(db)
    await undo(db)
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith('{"undone"')))
    [undone, told] = await log(db)
    assert (undone.action, undone.where, told.operation) == ("undo", where, done.operation)
    assert (told.changed, told.undone) == (done.changed, done.changed)
    with pytest.raises(Refused, match="taken back already"):
        await undo(db, done.operation)


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_an_archived_job_whose_queue_is_gone_is_found_by_its_id(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    name = "thumbnails"
    await do(db, "archive", f"queue:{name}", limit=1)
    table = "archive" if release == "10.4.2" else "bossctl.archive"
    [(id,)] = db.execute(f"SELECT id FROM {table} WHERE name = '{name}'")
    db.execute(f"DELETE FROM job WHERE name = '{name}'")
    db.execute(f"SELECT delete_queue('{name}')")
    told = await planned(db, "restore", f"id:{id}")
    assert (told.matched, told.eligible, told.skipped) == (1, 0, {"queue-gone": 1})


async def test_the_log_forgets_when_told_to(seeded: SeededFactory) -> None:
    """What is younger stays, in files and in the schema, and what the archive still needs stays at any age."""
    db = seeded(NEWEST)
    in_file = await do(db, "cancel", "queue:exports", limit=3)
    archived = await do(db, "archive", "queue:mail state:failed")
    kept = await do(db, "cancel", "queue:exports", limit=3)
    old = await do(db, "delete", "queue:mail state:completed")
    db.execute(
        "UPDATE bossctl.operation SET started_on = now() - interval '9 days' WHERE operation <> %s", [kept.operation]
    )
    async with await open_store(db) as store:
        assert await forgotten(store, 8 * 86400) == 1
        assert {one.operation for one in await log(store)} == {in_file.operation, archived.operation, kept.operation}
        assert db.value("SELECT count(*) FROM bossctl.image WHERE bossctl_operation = %s", [old.operation]) == 0
        path = recorded()
        first, rest = path.read_text().split("\n", 1)
        path.write_text(first.replace('"at":"20', '"at":"19') + "\n" + rest)
        assert await forgotten(store, 8 * 86400) == 1
        assert not path.exists()
        assert await forgotten(store, 8 * 86400) == 0
        with pytest.raises(UsageError, match="at least 1h"):
            await Operator(store).prunable(60)
        assert (await undo(store, kept.operation)).changed == 3
        assert (await undo(store, archived.operation)).changed == archived.changed


async def forgotten(store: Store, seconds: int) -> int:
    operator = Operator(store)
    return await operator.prune(await operator.prunable(seconds))
