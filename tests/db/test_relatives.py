"""The relatives of a job, as real failures and flows of each release leave them."""

from __future__ import annotations

import pytest

from bossctl.models.relatives import Relative, Relatives
from bossctl.store import Store
from bossctl.store.relatives import UNLINKED, UNRECORDED
from tests.conftest import BossFactory, DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY, DEAD_LETTER, FLOW
from tests.support.database import Database
from tests.support.releases import NEWEST, RELEASES_WITH_QUEUES, at_least, every
from tests.support.stores import open_store

WITHOUT_LINK = [release for release in RELEASES_WITH_QUEUES if not at_least(release, "12.23")]


def ids(db: Database, where: str, *values: object) -> list[str]:
    return [job for (job,) in db.execute(f"SELECT id::text FROM job WHERE {where}", list(values))]


async def of(store: Store, job: str) -> Relatives:
    [found] = await store.jobs_with_id(job)
    return await store.job_relatives(found)


def only(found: Relatives, relation: str) -> list[Relative]:
    return [one for one in found.found if one.relation == relation]


async def test_a_dead_letter_and_its_source_find_each_other(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    found = 0
    async with await open_store(db) as store:
        for job, source in db.execute("SELECT id::text, source_id::text FROM job WHERE name = %s", [DEAD_LETTER]):
            sources = only(await of(store, job), "source")
            assert [one.id for one in sources] == [source]
            assert (sources[0].queue, sources[0].state, sources[0].sure) == (BUSY, "failed", True)
            assert job in [one.id for one in only(await of(store, source), "dead letter")]
            found += 1
    assert found


@pytest.mark.parametrize("release", every(WITHOUT_LINK, kept=("10.4.2", "11.1.2")))
async def test_without_a_link_they_are_told_by_instant_and_payload(
    database: DatabaseFactory, boss: BossFactory, release: str
) -> None:
    db = database(release)
    client = await boss(db)
    await client.create_queue("lost")
    await client.create_queue("parcels", deadLetter="lost", retryLimit=0)
    sent = [await client.send("parcels", {"n": number}) for number in range(2)]
    for _ in sent:
        [fetched] = await client.fetch("parcels")
        await client.fail("parcels", fetched["id"], {"message": "no such street"})
    async with await open_store(db) as store:
        letters = db.execute("SELECT id::text, (data->>'n')::int FROM job WHERE name = 'lost'")
        for job, number in letters:
            [source] = only(await of(store, job), "source")
            assert (source.id, source.state, source.sure) == (sent[number], "failed", False)
            [letter] = only(await of(store, source.id), "dead letter")
            assert (letter.id, letter.sure) == (job, False)
        db.execute("UPDATE job SET created_on = created_on - interval '1 minute' WHERE name = 'lost'")
        relatives = await of(store, letters[0][0])
        assert (only(relatives, "source"), relatives.unknown) == ([], (UNRECORDED,)), "moved apart, nothing is claimed"


async def test_8_and_9_have_none_and_say_so(seeded: SeededFactory) -> None:
    db = seeded("9.0.3")
    async with await open_store(db) as store:
        [job, *_] = ids(db, "name = %s", BUSY)
        assert (await of(store, job)).unknown == (UNLINKED,)


async def test_parents_and_children_of_a_flow(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    links = db.execute("SELECT parent_id::text, child_id::text FROM job_dependency")
    assert len(links) == 4
    async with await open_store(db) as store:
        for parent, child in links:
            [mother] = [one for one in only(await of(store, child), "parent") if one.id == parent]
            assert mother.queue == FLOW
            assert [mother.state] == [state for (state,) in db.execute("SELECT state FROM job WHERE id = %s", [parent])]
            assert child in [one.id for one in only(await of(store, parent), "child")]
        gone, child = links[0]
        db.execute("DELETE FROM job WHERE id = %s", [gone])
        [one] = [one for one in only(await of(store, child), "parent") if one.id == gone]
        assert one.state is None
