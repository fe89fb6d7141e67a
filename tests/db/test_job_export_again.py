"""An export to a file that was interrupted: the same command goes on in it, and each job comes back once."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from bossctl.actions import Operator
from bossctl.actions.jobs import batches, exports, interrupted
from bossctl.actions.jobs.chosen import Chosen
from bossctl.actions.jobs.interrupted import PIECE_BYTES
from bossctl.errors import UsageError
from bossctl.models.jobactions import ActionOutcome
from bossctl.store import Store
from bossctl.store.session import Transaction
from tests.conftest import SeededFactory
from tests.support.acting import request
from tests.support.database import Database
from tests.support.recording import do, log, planned, rows, undo
from tests.support.releases import NEWEST
from tests.support.stores import open_store

SELECTION = "queue:thumbnails state:completed"
across = pytest.mark.parametrize(
    ("release", "name"),
    [
        (NEWEST, "jobs.jsonl.gz"),
        *(
            pytest.param(release, name, marks=pytest.mark.matrix)
            for release in ("9.0.3", "10.4.2", "11.1.2", "12.27.0")
            for name in ("jobs.jsonl", "jobs.jsonl.gz")
        ),
    ],
)


class Killed(BaseException):
    """As if the process ended here."""


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(batches, "BATCH_ROWS", 60)


def held(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


async def killed(db: Database | Store, path: Path, monkeypatch: pytest.MonkeyPatch, before: int) -> list[str]:
    """An export that ended when so many batches were deleted and one more was written; the ids of that one."""
    written: list[list[str]] = []
    remove = exports.remove

    async def removing(transaction: Transaction, chosen: Chosen) -> list[str]:
        written.append(list(chosen.ids))
        if len(written) > before:
            raise Killed
        return await remove(transaction, chosen)

    with monkeypatch.context() as patch:
        patch.setattr(exports, "remove", removing)
        with pytest.raises(Killed):
            await do(db, "archive", SELECTION, path=str(path))
    return written[-1]


async def stopped(store: Store, path: Path) -> ActionOutcome:
    """An export that was told to stop after its first batch."""
    stop = asyncio.Event()
    operator, asked = Operator(store), request("archive", SELECTION, path=str(path))
    plan = await operator.plan_jobs(asked)
    return await operator.apply_jobs(asked, plan, progress=lambda _: stop.set(), stop=stop)


@across
async def test_it_goes_on_where_it_was(
    monkeypatch: pytest.MonkeyPatch, seeded: SeededFactory, tmp_path: Path, release: str, name: str
) -> None:
    """Told to stop, then killed with a batch written and not deleted, its end torn; one of those jobs changes since."""
    db, path = seeded(release), tmp_path / name
    async with await open_store(db) as store:
        first = await stopped(store, path)
        assert (first.interrupted, first.changed) == (True, 60)
        [stale, *_] = await killed(store, path, monkeypatch, before=1)
        db.execute("UPDATE job SET output = '\"newer\"' WHERE id = %s", [stale])
        rest = rows(db)
        os.truncate(path, path.stat().st_size - 9)
        good = held(path)
        plan = await planned(store, "archive", f" {SELECTION}", path=str(path))
        assert "180 jobs → the file" in plan.effect
        assert "after the 120 jobs that an interrupted run wrote there" in plan.effect
        assert held(path) == good, "a plan changes nothing"
        last = await do(store, "archive", SELECTION, path=str(path))
        assert (last.changed, last.stopped, path.stat().st_mode & 0o777) == (180, None, 0o600)
        with pytest.raises(UsageError, match="is there already"):
            await planned(store, "archive", SELECTION, path=str(path))
        for operation, count in zip(reversed(await log(store)), (60, 60, 180), strict=True):
            assert (await undo(store, operation.operation)).changed == count
        before = rows(db)
        assert rest.items() <= before.items()
        db.execute("DELETE FROM job WHERE name = 'thumbnails' AND state = 'completed'")
        back = await do(store, "restore", "archived:any", path=str(path))
    assert (back.changed, back.skipped, back.plan.matched, back.plan.warnings) == (300, {}, 300, ())
    assert rows(db) == before


@pytest.mark.parametrize("name", [pytest.param("jobs.jsonl", marks=pytest.mark.matrix), "jobs.jsonl.gz"])
async def test_what_is_good_of_a_torn_file(
    monkeypatch: pytest.MonkeyPatch, seeded: SeededFactory, tmp_path: Path, name: str
) -> None:
    """Wherever it is torn, all of what was written before is kept, and nothing of what was not."""
    path, torn, ends = tmp_path / name, tmp_path / f"torn-{name}", [0]
    append = exports._Export._append

    def watched(self: exports._Export, lines: list[str]) -> None:
        append(self, lines)
        ends.append(self._size)

    monkeypatch.setattr(exports._Export, "_append", watched)
    db = seeded(NEWEST)
    await killed(db, path, monkeypatch, before=0)
    whole = path.read_bytes()
    assert ends[-1] == len(whole)
    packed = name.endswith(".gz")
    lines = [number + 1 for number, byte in enumerate(whole) if byte == 10]
    for piece in (PIECE_BYTES, 7):
        monkeypatch.setattr(interrupted, "PIECE_BYTES", piece)
        for size in (
            2,
            50,
            ends[1] - 1,
            ends[1],
            ends[1] + 1,
            ends[1] + 13,
            len(whole) // 2,
            len(whole) - 1,
            len(whole),
        ):
            torn.write_bytes(whole[:size])
            with torn.open("rb") as file:
                found = interrupted._extent(file, packed=packed)
            assert found.bytes == max(end for end in (0, *(ends if packed else lines)) if end <= size), size
    os.truncate(path, ends[1] - 1)
    with pytest.raises(UsageError, match="is there already"):
        await planned(db, "archive", SELECTION, path=str(path))
    path.write_bytes(whole)
    assert (await do(db, "archive", SELECTION, path=str(path))).changed == 300
    assert path.read_bytes().startswith(whole)
    assert (await do(db, "restore", "archived:any", path=str(path))).skipped == {}


async def test_what_stays_refused(monkeypatch: pytest.MonkeyPatch, seeded: SeededFactory, tmp_path: Path) -> None:
    """Nobody goes on in what is not known to be left by the same command."""
    db, path = seeded(NEWEST), tmp_path / "jobs.jsonl"
    db.install(NEWEST, "other")
    async with await open_store(db) as store:
        assert (await stopped(store, path)).changed == 60

    async def refused(why: str, at: Path = path, selection: str = SELECTION, schema: str | None = None) -> None:
        before = held(at)
        async with await open_store(db, schema) if schema else await open_store(db) as store:
            with pytest.raises(UsageError, match=why) as found:
                await planned(store, "archive", selection, path=str(at))
        assert "--to" in (found.value.hint or "")
        assert held(at) == before

    await refused("there already", selection="queue:thumbnails")
    await refused("there already", schema="other")
    link, older, pipe = tmp_path / "link.jsonl", tmp_path / "older.jsonl", tmp_path / "pipe.jsonl"
    link.symlink_to(path)
    os.mkfifo(pipe)
    older.write_text(path.read_text().replace('"source"', '"sauce"'))
    packed = tmp_path / "plain.jsonl.gz"
    packed.write_bytes(path.read_bytes())
    for at in (link, pipe, older, packed, tmp_path):
        await refused("there already", at)
    assert (await do(db, "restore", "archived:any", path=str(older), limit=10)).changed == 10
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        await refused("another bossctl is writing")
    monkeypatch.setattr(interrupted, "MOST_LIVE", 10)
    await refused("have come back")
    monkeypatch.undo()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert (await do(db, "archive", SELECTION, path=str(path))).changed == 250
    assert (await do(db, "restore", "archived:any", path=str(path))).skipped == {}
