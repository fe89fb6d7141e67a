"""Undo: every action is taken back row by row, from the schema bossctl or from a file, as far as the rows allow."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from bossctl.actions import Operator
from bossctl.actions.jobs.filelog import log_directory
from bossctl.errors import MissingPrivilege, NotFound, Refused
from bossctl.store import Store
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.acting import request
from tests.support.aging import age
from tests.support.database import Database
from tests.support.recording import copies, do, log, make_own_schema, places, rows, undo
from tests.support.releases import NEWEST, generation
from tests.support.stores import open_store, spec_of
from tests.support.waiting import eventually

DIAGONAL = [("9.0.3", "file"), (NEWEST, "schema")]
FURTHER = [
    ("10.4.2", "schema"),
    (NEWEST, "file"),
    ("9.0.3", "schema"),
    ("10.4.2", "file"),
    ("11.1.2", "schema"),
    ("11.1.2", "file"),
    ("12.23.0", "file"),
]


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("release", "where"), [*DIAGONAL, *(pytest.param(*one, marks=pytest.mark.matrix) for one in FURTHER)]
)
async def test_every_action_is_taken_back(seeded: SeededFactory, release: str, where: str, tmp_path: Path) -> None:
    db = seeded(release)
    if where == "schema":
        await make_own_schema(db)
    before, links = rows(db), flow_links(db)
    acted = [
        ("retry", "state:failed queue:mail", {}),
        ("cancel", "queue:exports", {}),
        ("resume", "state:cancelled queue:mail", {}),
        ("defer", "queue:exports", {"by_seconds": 3600}),
        ("delete", "state:completed queue:mail", {}),
        ("resend", "state:failed queue:mail", {}),
        *([("redrive", "queue:mail-dead", {"to_queue": "mail"})] if generation(release) >= 10 else []),
        ("archive", "queue:mail", {}),
        ("archive", "queue:mail OR queue:steps", {"path": str(tmp_path / "jobs.jsonl.gz")}),
    ]
    async with await open_store(db) as store:
        for action, selector, options in acted:
            await there_and_back(db, store, action, selector, options)
            assert (rows(db), flow_links(db)) == (before, links), action
        entries = await log(store)
        with pytest.raises(Refused, match="taken back already"):
            await undo(store)
    mine = [one for one in entries if one.undoes is None]
    assert [one.action for one in mine] == [action for action, *_ in reversed(acted)]
    assert {one.where for one in mine if one.action != "archive"} == {where}
    assert all(one.undone == one.changed and one.finished for one in mine)
    assert all(len(found) == 1 for id, found in places(db).items() if id in before)


def flow_links(db: Database) -> list[tuple[Any, ...]]:
    there = db.value("SELECT to_regclass('job_dependency') IS NOT NULL")
    return db.execute("SELECT * FROM job_dependency ORDER BY 2, 4") if there else []


async def there_and_back(db: Database, store: Store, action: str, selector: str, options: dict[str, Any]) -> None:
    before = rows(db)
    done = await do(store, action, selector, **options)
    after = rows(db)
    assert done.changed, action
    assert after != before, action
    back = await undo(store)
    assert (back.changed, back.skipped) == (done.changed, {}), action
    assert rows(db) == before, action
    if action not in ("cancel", "redrive"):
        return
    for expected in (after, before):  # and the undo can be undone, and that again
        [last, *_] = await log(store)
        assert last.action == "undo"
        again = await undo(store, last.operation)
        assert (again.changed, again.skipped) == (done.changed, {}), action
        assert rows(db) == expected, action


@pytest.mark.parametrize("where", ["file", "schema"])
async def test_what_was_touched_since_stays(seeded: SeededFactory, where: str) -> None:
    db = seeded(NEWEST)
    if where == "schema":
        await make_own_schema(db)
    ids = [str(id) for (id,) in db.execute("SELECT id FROM job WHERE name = 'mail' AND state = 'created' ORDER BY id")]
    [running, *_] = [str(id) for (id,) in db.execute("SELECT id FROM job WHERE name = 'mail' AND state = 'active'")]
    fetched, removed, late, *rest = ids
    done = await do(db, "cancel", f"id:{','.join([*ids, running])}")
    assert done.changed == len(ids) + 1
    db.execute("UPDATE job SET priority = priority WHERE id = %s", [fetched])
    db.execute("DELETE FROM job WHERE id = %s", [removed])
    # Its time has run out, without a trace of a change.
    table = "bossctl.image" if where == "schema" else None
    if table:
        db.execute("UPDATE bossctl.image SET keep_until = now() - interval '1 s' WHERE id = %s", [late])
    told = await undo(db)
    gone = {"changed-since": 1, "gone": 1, "was-active": 1}
    assert told.skipped == gone
    assert told.changed == len(ids) - 2
    assert db.value("SELECT state::text FROM job WHERE id = %s", [running]) == "cancelled"
    assert {s for (s,) in db.execute("SELECT state::text FROM job WHERE id = ANY (%s::uuid[])", [rest])} == {"created"}


@pytest.mark.parametrize(
    ("release", "where"),
    [("10.4.2", "file"), (NEWEST, "schema"), pytest.param("9.0.3", "schema", marks=pytest.mark.matrix)],
)
async def test_deleted_jobs_come_back_though_they_are_old(seeded: SeededFactory, release: str, where: str) -> None:
    """Where nobody runs maintenance old jobs lie about: undo leaves them to it as they were, and says so."""
    db = seeded(release)
    if where == "schema":
        await make_own_schema(db)
    age(db, 40 * 86400, "completed_on", "created_on", where="name = 'mail' AND state = 'completed'")
    before = rows(db)
    done = await do(db, "delete", "queue:mail state:completed")
    async with await open_store(db) as store:
        told = await Operator(store).plan_undo(None)
    [warning] = told.plan.warnings
    assert warning.startswith(f"{done.changed} jobs ")
    back = await undo(db)
    assert (back.changed, back.skipped) == (done.changed, {})
    assert rows(db) == before


async def test_an_old_job_comes_back_from_a_file(seeded: SeededFactory, tmp_path: Path) -> None:
    """Its like are what one puts into files; pg-boss of 8 to 10 moves it to its archive, where it is not lost."""
    db = seeded("9.0.3")
    age(db, 30 * 86400, "completed_on", "created_on", where="name = 'mail' AND state = 'failed'")
    before, path = rows(db), str(tmp_path / "old.jsonl")
    done = await do(db, "archive", "queue:mail state:failed", path=path)
    assert rows(db) != before
    assert (await do(db, "restore", "archived:any", path=path)).changed == done.changed
    assert rows(db) == before


async def test_a_restored_job_that_never_ran_goes_back(seeded: SeededFactory) -> None:
    """pg-boss of 8 to 10 archives what waited too long; what was active when it was restored cannot be undone."""
    db = seeded("9.0.3")
    before, archived = rows(db), rows(db, "archive")
    done = await do(db, "restore", "archived:true state:created", keep_seconds=86400)
    assert done.changed > 0
    assert (await undo(db)).changed == done.changed
    assert (rows(db), rows(db, "archive").keys()) == (before, archived.keys())


async def test_slots_taken_meanwhile(seeded: SeededFactory) -> None:
    """Cancelling frees a throttle slot; whoever took it since keeps it."""
    db = seeded(NEWEST)
    one, other = copies(db, 2, "name = 'mail' AND state = 'created'", singleton_on="NULL")
    db.execute("UPDATE job SET singleton_on = '2026-01-01', singleton_key = 'k' WHERE id = %s", [one])
    await do(db, "cancel", f"id:{one}")
    db.execute("UPDATE job SET singleton_on = '2026-01-01', singleton_key = 'k' WHERE id = %s", [other])
    told = await undo(db)
    assert (told.changed, told.skipped, told.holders) == (0, {"slot-taken": 1}, {one: other})
    assert told.samples["slot-taken"] == (one,), "each job once, though plan and action met it"
    db.execute("DELETE FROM job WHERE id = %s", [other])
    assert (await undo(db)).changed == 1


@pytest.mark.parametrize("where", ["file", "schema"])
async def test_values_come_back_to_the_last_bit(seeded: SeededFactory, where: str) -> None:
    db = seeded("10.4.2")
    if where == "schema":
        await make_own_schema(db)
    a, b, c = copies(db, 3, "name = 'mail' AND state = 'completed'")
    db.execute("UPDATE job SET data = NULL, output = 'null' WHERE id = %s", [a])
    db.execute("UPDATE job SET data = 'null', output = NULL WHERE id = %s", [b])
    hostile = json.dumps({"\u202e": "[red]\x1b[31m'\"\\ \t\u2028", "long": "é" * 500_000})
    db.execute("UPDATE job SET data = %s::jsonb WHERE id = %s", [hostile, c])
    before = rows(db)
    assert (await do(db, "delete", f"id:{a},{b},{c}")).changed == 3
    assert (await undo(db)).changed == 3
    assert rows(db) == before


async def test_the_file_is_private_and_knows_its_database(seeded: SeededFactory) -> None:
    db, other = seeded(NEWEST), seeded(NEWEST)
    done = await do(db, "cancel", "queue:exports")
    [path] = log_directory().iterdir()
    assert (path.name, path.stat().st_mode & 0o777) == (f"{done.operation}.jsonl", 0o600)
    assert log_directory().stat().st_mode & 0o777 == 0o700
    assert await log(other) == ()
    with pytest.raises(NotFound):
        await undo(other, done.operation)
    [told] = await log(db)
    assert (told.action, told.changed, told.where, told.finished) == ("cancel", done.changed, "file", True)
    assert "postgres (" in told.by
    # A crash tears the last line; what was committed counts, what was not does not.
    lines = path.read_text().splitlines(keepends=True)
    assert '"finished"' in lines[-1]
    rolled_back = [lines[1].replace('"xid":', '"xid":1'), *lines[2:-1]]
    path.write_text("".join([*lines[:-1], *rolled_back])[:-5])
    [told] = await log(db)
    assert (told.changed, told.finished) == (done.changed, False)
    back = await undo(db)
    assert back.changed == done.changed
    assert (await log(db))[1].undone == done.changed


async def test_nothing_is_changed_where_the_record_cannot_be_written(
    seeded: SeededFactory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    db = seeded(NEWEST)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    before = rows(db)
    with pytest.raises(Exception, match="the record for undo cannot be written"):
        await do(db, "cancel", "queue:exports")
    assert rows(db) == before


async def test_a_role_that_owns_nothing_but_the_schema(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    role = f"operator_{os.getpid()}"
    db.execute(f"DROP ROLE IF EXISTS {role}")
    db.execute(f"CREATE ROLE {role} LOGIN")
    try:
        db.execute(f"GRANT USAGE ON SCHEMA pgboss TO {role}")
        db.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO {role}")
        dsn = make_conninfo(db.dsn, user=role)
        with pytest.raises(MissingPrivilege, match="may not create the schema bossctl") as error:
            await _as(dsn, db, "archive", "queue:mail")
        assert error.value.hint == f'GRANT CREATE ON DATABASE "{db.name}" TO "{role}"'
        db.execute(f"CREATE SCHEMA bossctl AUTHORIZATION {role}")
        assert await _as(dsn, db, "archive", "queue:mail state:failed")
        assert await _as(dsn, db, "restore", "queue:mail state:failed")
        # Another role may not use it, and keeps its records in a file.
        assert {one.where for one in await log(db)} == {"schema"}
    finally:
        db.execute(f"DROP OWNED BY {role}")
        db.execute(f"DROP ROLE {role}")


async def _as(dsn: str, db: Database, action: str, selector: str) -> int:
    async with await Store.open(spec_of(db, db.schema, dsn=dsn)) as store:
        operator, asked = Operator(store), request(action, selector)
        return (await operator.apply_jobs(asked, await operator.plan_jobs(asked), own_schema=True)).changed


@pytest.mark.parametrize(("release", "action"), [("10.4.2", "delete"), (NEWEST, "archive")])
async def test_killed_in_the_middle(seeded: SeededFactory, release: str, action: str, tmp_path: Path) -> None:
    """Each job is in one place, the log tells what was committed, undo takes that back, and a rerun finishes."""
    db = seeded(release)
    made = copies(db, 3_000, "name = 'mail' AND state = 'completed'")
    slow = "BEGIN PERFORM pg_sleep(0.4); RETURN NULL; END"
    db.execute(f"CREATE FUNCTION slowed() RETURNS trigger LANGUAGE plpgsql AS '{slow}'")
    db.execute("CREATE TRIGGER slowed AFTER DELETE ON job FOR EACH STATEMENT EXECUTE FUNCTION slowed()")
    before = rows(db)
    arguments = ["job", action, "queue:mail state:completed", "--yes", "--dsn", db.dsn]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bossctl", *arguments), env=environment, stdout=DEVNULL, stderr=DEVNULL, stdin=DEVNULL
    )
    await eventually(lambda: db.value("SELECT count(*) FROM job") < len(before), 60)
    process.kill()
    await process.wait()
    db.execute("DROP TRIGGER slowed ON job")  # waits until the server has noticed
    left = rows(db)
    changed = len(before) - len(left)
    assert 0 < changed < len(made)
    assert left.items() <= before.items()
    if action == "archive":
        assert all(len(found) == 1 for id, found in places(db).items() if id in before)
        assert before.keys() <= places(db).keys()
    [told] = await log(db)
    assert (told.changed, told.finished) == (changed, False)
    assert (await undo(db)).changed == changed
    assert rows(db) == before
    finished = await do(db, action, "queue:mail state:completed")
    assert finished.changed >= len(made)


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_what_came_back_and_was_archived_does_not_come_back_again(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    first, second = copies(db, 2, "name = 'mail' AND state = 'completed'")
    chosen = f"id:{first},{second}"
    deleted = await do(db, "delete", chosen)
    copies(db, 1, "name = 'mail' AND state = 'completed'", id=f"'{first}'::text")
    back = await undo(db, deleted.operation)
    assert (back.changed, back.skipped) == (1, {"id-taken": 1})
    assert (await do(db, "archive", chosen)).changed == 2
    archive = "archive" if generation(release) == 10 else "bossctl.archive"
    again = await undo(db, deleted.operation)
    assert (again.changed, again.skipped) == (0, {"id-archived": 2})
    assert [places(db)[one] for one in (first, second)] == [[archive], [archive]]


@pytest.mark.matrix
@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_a_table_that_was_never_analysed(database: DatabaseFactory, release: str) -> None:
    """A queue just filled: taking back a thousand of its jobs does not read it a thousand times."""
    db = database(release)
    await make_own_schema(db)
    db.execute("""SELECT create_queue('work', '{"policy": "standard", "partition": true}')""")
    db.execute(
        "INSERT INTO job (name, state, completed_on) SELECT 'work', 'failed', now() FROM generate_series(1, 20000)"
    )
    async with await open_store(db) as store:
        operator = Operator(store)
        began = perf_counter()
        await operator.plan_jobs(request("retry", "queue:work"))
        planned = perf_counter() - began
        await do(store, "retry", "queue:work", limit=1000)
        began = perf_counter()
        assert (await operator.plan_undo(None)).plan.eligible == 1000
        assert perf_counter() - began < 10 * planned
        assert (await undo(store)).changed == 1000


async def test_taking_back_costs_about_what_the_operation_did(database: DatabaseFactory) -> None:
    """A queue filled since the statistics were taken: rows are not sought one by one among all of theirs."""
    db = database(NEWEST)
    queues = "unnest('{work,dead,mail}'::text[]) AS q(name)"
    db.execute(f'SELECT create_queue(name, \'{{"policy": "standard"}}\') FROM {queues}')
    db.execute("UPDATE queue SET dead_letter = 'dead' WHERE name = 'work'")
    made = "INSERT INTO job (name, state) SELECT %s, %s::job_state FROM generate_series(1, 2000)"
    db.execute(made, ["mail", "created"])
    db.execute("ANALYZE")
    async with await open_store(db) as store:
        for action, queue, state, options in (
            ("retry", "work", "failed", {}),
            ("redrive", "dead", "created", {"to_queue": "work"}),
        ):
            db.execute("DELETE FROM job WHERE name <> 'mail'")
            db.execute(made, [queue, state])
            began = perf_counter()
            assert (await do(store, action, f"queue:{queue}", **options)).changed == 2000
            took = perf_counter() - began
            assert (await undo(store)).changed == 2000
            assert perf_counter() - began - took < 1 + 5 * took, action
