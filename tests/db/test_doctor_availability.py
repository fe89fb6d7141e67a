"""What the catalog tells before a run about which checks can look is what the run then says."""

from __future__ import annotations

import pytest
from psycopg.conninfo import make_conninfo

from bossctl import doctor
from bossctl.store import Store
from tests.conftest import DatabaseFactory
from tests.support.diagnosis import diagnose
from tests.support.releases import ONE_PER_SCHEMA, generation
from tests.support.stores import open_store, spec_of

ALWAYS = {"DUP01", "DUP02", "DUP05", "DUP06", "DUP07", "DUP14", "STK01", "STK03", "STK07", "STK08", "CFG01", "SCH04"}


@pytest.mark.parametrize("release", ONE_PER_SCHEMA)
async def test_what_the_list_says_is_what_a_run_finds(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    report = await diagnose(db)
    async with await open_store(db) as store:
        told = doctor.availability(store)
    assert told == {check.code: check.reason for check in report.checks}
    assert {code for code, reason in told.items() if reason} & ALWAYS == set()
    assert all(reason is None or reason.startswith("era ") for reason in told.values())
    if release == "12.38.0":
        assert {code for code, reason in told.items() if reason} == {"DUP08", "CFG06", "CFG07"}
    if generation(release) < 10:
        assert "8 and 9 give nothing back" in (told["DUP09"] or "")
    if generation(release) < 12:
        assert all("heartbeats" in (told[code] or "") for code in ("DUP03", "STK02", "CFG05"))
    assert (generation(release) == 10) == (told["CFG06"] is None)


async def test_what_this_role_may_not_read(database: DatabaseFactory) -> None:
    db = database("12.38.0")
    db.execute("CREATE ROLE halfblind")
    try:
        db.execute(
            "GRANT USAGE ON SCHEMA pgboss TO halfblind; GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO halfblind"
        )
        db.execute("REVOKE SELECT ON pgboss.schedule, pgboss.bam FROM halfblind")
        spec = spec_of(db, db.schema, dsn=make_conninfo(db.dsn, options="-c role=halfblind"))
        async with await Store.open(spec) as store:
            told = doctor.availability(store)
            report = await doctor.run(store, doctor.DoctorRequest())
        blind = {code for code, reason in told.items() if (reason or "").startswith("privilege ")}
        ran = {check.code for check in report.checks if (check.reason or "").startswith("privilege ")}
        assert {"DUP01", "DUP14", "SCH03"} <= ran <= blind, "on an empty schema not everything is asked for"
        assert "pgboss.bam" in (told["SCH03"] or "")
    finally:
        db.execute("DROP OWNED BY halfblind; DROP ROLE halfblind")
