"""Archive and restore: a row is in exactly one place at any time, and comes back as it was."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from bossctl.errors import UsageError
from bossctl.selector import parse
from tests.conftest import BossFactory, SeededFactory
from tests.support.aging import age, job_column
from tests.support.database import Database
from tests.support.recording import copies, do, make_own_schema, places, planned, rows, undo
from tests.support.releases import NEWEST, generation
from tests.support.stores import open_store
from tests.support.waiting import eventually

DIAGONAL = ("10.4.2", NEWEST)
FURTHER = tuple(pytest.param(one, marks=pytest.mark.matrix) for one in ("9.0.3", "11.1.2", "12.19.1", "12.35.0"))
across = pytest.mark.parametrize("release", [*DIAGONAL, *FURTHER])

HOSTILE = json.dumps({"a": "\u202e [red]\x1b[31m'\"\\ \t", "null": None, "é": "\u2028"})
DIGITS = '{"n": 1.00000000000000000001, "long": "' + "é" * 500_000 + '"}'


def special(db: Database) -> dict[str, str]:
    """Jobs whose values are easily lost on a way: id → the whole row."""
    a, b, c, d = copies(db, 4, "name = 'mail' AND state = 'completed'", singleton_on="NULL")
    db.execute("UPDATE job SET data = NULL, output = 'null' WHERE id = %s", [a])
    db.execute("UPDATE job SET data = 'null', output = NULL WHERE id = %s", [b])
    db.execute("UPDATE job SET data = %s::jsonb WHERE id = %s", [HOSTILE, c])
    db.execute("UPDATE job SET data = %s::jsonb WHERE id = %s", [DIGITS, d])
    found = rows(db)
    return {id: found[id] for id in (a, b, c, d)}


@across
async def test_there_and_back_to_the_last_bit(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    kept = special(db)
    before = rows(db)
    archived = await do(db, "archive", "queue:mail")
    assert set(archived.skipped) == {"not-finished"}
    found = places(db)
    assert all(len(found[id]) == 1 for id in before)
    assert {id for id in kept if found[id] == ["job"]} == set()
    purged = [line for line in archived.plan.consequences if "purges its archive: 7 days" in line]
    assert len(purged) == (1 if generation(release) <= 10 else 0)
    back = await do(db, "restore", f"id:{','.join(kept)}")
    assert back.changed == 4
    assert kept.items() <= rows(db).items()
    assert all(len(found) == 1 for id, found in places(db).items() if id in before)


@across
async def test_by_way_of_a_file(seeded: SeededFactory, release: str, tmp_path: Path) -> None:
    db = seeded(release)
    kept = special(db)
    selector = f"id:{','.join(kept)}"
    a, b, *_ = kept
    for path in (tmp_path / "jobs.jsonl", tmp_path / "jobs.jsonl.gz"):
        there = await do(db, "archive", selector, path=str(path))
        assert (there.changed, path.stat().st_mode & 0o777) == (4, 0o600)
        assert not kept.keys() & places(db).keys()
        assert (await do(db, "restore", "queue:mail", path=str(path))).changed == 4
        assert kept.items() <= rows(db).items()
        again = await do(db, "restore", "archived:any", path=str(path))
        assert (again.changed, again.skipped) == (0, {"id-taken": 4})
        assert (await do(db, "restore", "queue:other", path=str(path))).plan.matched == 0
        # The undo of the restore takes them out again, the undo of the archiving reads the file.
        assert (await undo(db)).changed == 4
        assert not kept.keys() & places(db).keys()
        assert (await undo(db, there.operation)).changed == 4
        assert kept.items() <= rows(db).items()
    with gzip.open(path, "rt", encoding="utf-8") as file:
        head, *lines = map(json.loads, file)
    assert head["columns"]["data"] == "jsonb"
    told = {one["id"]: one for one in lines if "id" in one}
    assert "data" not in told[a]
    assert told[a]["output"] is None
    assert told[b]["data"] is None
    assert "output" not in told[b]
    with pytest.raises(UsageError, match="is there already"):
        await planned(db, "archive", "queue:mail", path=str(path))
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(path.read_bytes()[:-20])
    await planned(db, "restore", "archived:any", path=str(torn))
    whole = path.read_bytes()
    torn.write_bytes(whole + whole[:10] + b"\x07" + whole[11:])  # no block of a deflated member begins so
    with pytest.raises(UsageError, match=r"torn\.jsonl\.gz is damaged behind line") as damaged:
        await planned(db, "restore", "archived:any", path=str(torn))
    assert "gunzip <" in (damaged.value.hint or "")
    for bad in ("", '{"a": 1}\n', "nonsense\n"):
        torn.write_text(bad)
        with pytest.raises(UsageError, match=r"torn\.jsonl\.gz"):
            await planned(db, "restore", "archived:any", path=str(torn))


@across
async def test_columns_come_and_go(seeded: SeededFactory, release: str, tmp_path: Path) -> None:
    """A migration is played: a new column between archiving and restoring, and one that is not there any more."""
    db = seeded(release)
    path = tmp_path / "before.jsonl"
    db.execute("ALTER TABLE job ADD COLUMN short_lived int")
    ids = [id for (id,) in db.execute("SELECT id::text FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY id")]
    db.execute("UPDATE job SET short_lived = 7 WHERE id = ANY (%s::uuid[])", [ids])
    native = generation(release) <= 10
    first = await do(db, "archive", f"id:{ids[0]}")
    if native:
        assert "has no column short_lived" in first.plan.warnings[0]
    assert (await do(db, "archive", f"id:{ids[1]}", path=str(path))).changed == 1
    deleted = await do(db, "delete", f"id:{ids[2]}")
    db.execute("ALTER TABLE job ADD COLUMN newer text NOT NULL DEFAULT 'fresh', DROP COLUMN short_lived")
    db.execute("ALTER TABLE job ADD COLUMN short_lived text DEFAULT 'x'")
    assert (await do(db, "archive", f"id:{ids[3]}")).changed == 1
    assert (await do(db, "restore", f"id:{ids[0]},{ids[3]}")).changed == 2
    assert (await do(db, "restore", "archived:any", path=str(path))).changed == 1
    assert (await undo(db, deleted.operation)).changed == 1
    found = dict(db.execute("SELECT id::text, (newer, short_lived)::text FROM job WHERE id = ANY (%s::uuid[])", [ids]))
    assert {found[id] for id in ids[1:3]} == {"(fresh,7)"}
    assert found[ids[3]] == "(fresh,x)"
    assert found[ids[0]] == ("(fresh,x)" if native else "(fresh,7)")


@across
async def test_what_cannot_come_back_stays_archived(seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    native = generation(release) <= 10
    ids = [id for (id,) in db.execute("SELECT id::text FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY id")]
    taken, old, slot, fine = ids[:4]
    on, key = job_column(db, "singleton_on"), job_column(db, "singleton_key")
    db.execute(f"UPDATE job SET {on} = '2026-01-01', {key} = 'k' WHERE id = %s", [slot])
    if native and generation(release) < 10:
        db.execute("UPDATE job SET state = 'completed' WHERE id = %s", [slot])  # a failed one frees its slot there
    age(db, 30 * 86400, "completed_on", "keep_until", "created_on", where=f"id = '{old}'")
    [row] = db.execute("SELECT job::text FROM job WHERE id = %s", [taken])
    assert (await do(db, "archive", f"id:{','.join(ids[:4])}")).changed == 4
    db.execute("INSERT INTO job SELECT (%s::text::job).*", row)
    [holder] = copies(db, 1, "name = 'mail' AND state = 'completed'", singleton_on="'2026-01-01'", singleton_key="'k'")
    told = await do(db, "restore", f"id:{','.join(ids[:4])}")
    assert told.skipped == {"id-taken": 1, "past-retention": 1, "slot-taken": 1}
    assert (told.changed, told.holders) == (1, {slot: holder})
    assert places(db)[fine] == ["job"]
    assert places(db)[slot] != ["job"]
    again = await do(db, "archive", f"id:{taken}")
    assert (again.changed, again.skipped) == (0, {"id-archived": 1})
    kept = await do(db, "restore", f"id:{old}", keep_seconds=86400)
    if native:
        assert kept.skipped == {"past-retention": 1}
        assert "--keep has no effect on finished jobs" in kept.plan.warnings[0]
    else:
        assert kept.changed == 1
        left = db.value(
            "SELECT extract(epoch FROM completed_on - now()) + deletion_seconds FROM job WHERE id = %s", [old]
        )
        assert 86_000 < left < 86_500


async def test_waiting_jobs_that_pg_boss_archived_get_time_to_run(seeded: SeededFactory) -> None:
    db = seeded("10.4.2")
    refused = await do(db, "restore", "queue:mail state:created")
    assert (refused.changed, refused.skipped) == (0, {"past-retention": 2})
    assert (await do(db, "restore", "queue:mail state:created", keep_seconds=3600)).changed == 2
    assert db.value("SELECT count(*) FROM job WHERE keep_until BETWEEN now() + '59 min' AND now() + '1 hour'") == 2


async def test_the_archive_is_read_like_the_rest(seeded: SeededFactory) -> None:
    """Two schemas of one database share bossctl's own; each sees its own rows."""
    db = seeded(NEWEST)
    db.install("11.1.2", "other")
    [one, *_] = ids = [str(id) for (id,) in db.execute("SELECT id FROM job WHERE name = 'mail' AND state = 'failed'")]
    await do(db, "archive", "queue:mail state:failed")
    async with await open_store(db) as store:
        [found] = await store.jobs_with_id(one)
        assert (found.row.archived, found.row.state, found.fields["archived_on"]) == (
            True,
            "failed",
            db.value("SELECT bossctl_archived_on FROM bossctl.archive WHERE id = %s", [one]),
        )
        page = await store.jobs(parse("archived:true queue:mail"))
        assert {row.id for row in page.jobs} == set(ids)
        assert {row.id for row in (await store.jobs(parse("archived:any queue:mail"), limit=100)).jobs} > set(ids)
        assert not {row.id for row in (await store.jobs(parse("queue:mail"), limit=100)).jobs} & set(ids)
        assert len((await store.jobs(parse("archived:true error:timeout"))).jobs) <= len(ids)
    async with await open_store(db, "other") as store:
        assert (await store.jobs(parse("archived:any"))).jobs == ()
    [kept] = db.execute(
        "SELECT bossctl_schema, bossctl_generation, bossctl_archived_by FROM bossctl.archive WHERE id = %s", [one]
    )
    assert kept[:2] == ("pgboss", "11-12")
    assert kept[2].startswith("postgres (")


async def test_flow_links_come_back(seeded: SeededFactory) -> None:
    """pg-boss forgets links whose job is gone; a child that was away while its parent ended is not blocked by it."""
    db = seeded(NEWEST)
    query = "SELECT child_id::text, parent_id::text FROM job_dependency ORDER BY 1, 2"
    links = db.execute(query)
    [(child, parent), *_] = db.execute(
        "SELECT d.child_id::text, d.parent_id::text FROM job_dependency AS d"
        " JOIN job AS c ON c.id = d.child_id AND c.blocked JOIN job AS p ON p.id = d.parent_id AND p.state = 'created'"
    ) or [(None, None)]
    assert child, "the seeded flow has a child that waits"
    assert (await do(db, "delete", f"id:{parent}")).skipped == {"blocks-flow": 1}
    assert (await do(db, "delete", f"id:{child}")).changed == 1
    db.execute("DELETE FROM job_dependency WHERE child_id = %s", [child])
    db.execute("UPDATE job SET state = 'completed', completed_on = now(), blocking = false WHERE id = %s", [parent])
    assert (await undo(db)).changed == 1
    assert db.execute(query) == links
    pending, blocked = db.execute("SELECT pending_dependencies, blocked FROM job WHERE id = %s", [child])[0]
    waits_for = db.value(
        "SELECT count(*) FROM job_dependency AS d JOIN job AS p ON p.id = d.parent_id"
        " WHERE d.child_id = %s AND NOT (p.state = 'completed' AND NOT p.blocking)",
        [child],
    )
    assert (pending, blocked) == (waits_for, waits_for > 0)


async def test_counters_of_the_newest_schema_follow(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    db.execute(
        "UPDATE queue SET retained_on = now(), total_count = (SELECT count(*) FROM job WHERE name = 'mail'),"
        " retained_count = (SELECT count(*) FROM job WHERE name = 'mail' AND state IN ('completed', 'cancelled'))"
        " WHERE name = 'mail'"
    )
    query = "SELECT total_count, retained_count FROM queue WHERE name = 'mail'"
    [(total, retained)] = db.execute(query)
    moved = await do(db, "archive", "queue:mail state:completed")
    assert db.execute(query) == [(total - moved.changed, retained - moved.changed)]
    assert (await do(db, "restore", "queue:mail")).changed == moved.changed
    assert db.execute(query) == [(total, retained)]
    for action, selector in (("resume", "state:cancelled queue:mail"), ("delete", "state:completed queue:mail")):
        assert (await do(db, action, selector)).changed
        assert db.execute(query) != [(total, retained)]
        await undo(db)
        assert db.execute(query) == [(total, retained)], action
    made = await do(db, "resend", "queue:mail state:failed")
    assert db.execute(query) == [(total + made.changed, retained)]
    await undo(db)
    assert db.execute(query) == [(total, retained)], "what was made was counted, as what is removed is"
    driven = await do(db, "redrive", "queue:mail-dead", to_queue="mail")
    assert db.execute(query) == [(total + driven.changed, retained)]


async def test_a_schema_of_that_name_that_is_not_ours(seeded: SeededFactory, tmp_path: Path) -> None:
    db = seeded(NEWEST)
    db.execute("CREATE SCHEMA bossctl")
    db.execute("CREATE TABLE bossctl.job (id int)")
    with pytest.raises(Exception, match="not bossctl's own"):
        await planned(db, "archive", "queue:mail")
    done = await do(db, "archive", "queue:mail state:failed", path=str(tmp_path / "a.jsonl"))
    assert done.changed
    assert (await undo(db)).changed == done.changed
    db.execute("DROP SCHEMA bossctl CASCADE")
    await make_own_schema(db)
    assert (await do(db, "archive", "queue:mail state:failed")).changed == done.changed


@pytest.mark.parametrize(
    "release", [NEWEST, *(pytest.param(one, marks=pytest.mark.matrix) for one in ("9.0.3", "10.4.2", "11.1.2"))]
)
async def test_pg_boss_works_what_was_restored(seeded: SeededFactory, boss: BossFactory, release: str) -> None:
    db = seeded(release)
    failed = [str(id) for (id,) in db.execute("SELECT id FROM job WHERE name = 'mail' AND state = 'failed'")]
    assert (await do(db, "archive", "queue:mail state:failed")).changed == len(failed)
    one = await boss(db)
    await one.maintain()
    assert (await do(db, "restore", f"id:{','.join(failed)}")).changed == len(failed)
    await one.maintain()
    assert (await do(db, "retry", f"id:{','.join(failed)}")).changed == len(failed)
    await one.work("mail", {"do": "succeed"}, batchSize=20)
    query = "SELECT count(*) FROM job WHERE id = ANY (%s::uuid[]) AND state = 'completed'"
    await eventually(lambda: db.value(query, [failed]) == len(failed))
    assert not [line for line in one.stderr if "Error" in line]
