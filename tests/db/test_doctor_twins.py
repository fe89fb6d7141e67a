"""DUP15 on two schemas of one database."""

from __future__ import annotations

import pytest

from bossctl.models.findings import Certainty, Severity
from tests.conftest import BossFactory, DatabaseFactory
from tests.support.diagnosis import found


@pytest.mark.parametrize(("release", "other"), [("9.0.3", "10.4.2"), ("10.4.2", "12.38.0"), ("12.38.0", "10.4.2")])
async def test_an_upgrade_beside_the_old_one_where_both_work(
    database: DatabaseFactory, boss: BossFactory, release: str, other: str
) -> None:
    db = database(release)
    db.install(other, "pgboss_next")
    one = await boss(db)
    await one.create_queue("tick")
    await one.schedule("tick", "*/5 * * * *")
    db.execute("UPDATE version SET cron_on = now()")
    assert await found(db, "DUP15") == []
    db.execute("SELECT pgboss_next.create_queue('tick', '{\"policy\": \"standard\"}')")
    db.execute("INSERT INTO pgboss_next.schedule (name, cron) VALUES ('tick', '*/5 * * * *')")
    db.execute("UPDATE pgboss_next.version SET cron_on = now() - interval '1 hour'")
    assert await found(db, "DUP15") == [], "nobody works there"
    db.execute("UPDATE pgboss_next.version SET cron_on = now()")
    [finding] = await found(db, "DUP15")
    assert (finding.severity, finding.certainty, finding.queue) == (Severity.WARNING, Certainty.LIKELY, None)
    assert "pgboss and pgboss_next of this database have 1 schedule in common" in finding.message
    db.execute("UPDATE pgboss_next.schedule SET cron = '0 3 * * *'")
    assert await found(db, "DUP15") == []
