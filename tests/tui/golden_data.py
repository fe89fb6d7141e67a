"""A small database whose screens come out the same each time: fixed ids, and ages in the middle of their unit."""

from __future__ import annotations

from tests.conftest import BossFactory, DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST

FAILED = "00000000-0000-4000-8000-000000000003"
STACK = "Error: no route to host\n    at connect (mailer.js:12:7)\n    at send (mailer.js:40:3)"


def job_id(number: int) -> str:
    """The id of the job sent as the so manieth."""
    return f"00000000-0000-4000-8000-{number:012}"


async def small_shop(database: DatabaseFactory, boss: BossFactory) -> Database:
    """Queues and jobs by a real pg-boss, then made older. Nothing in it is due to change within an hour."""
    db = database(NEWEST)
    shop = await boss(db)
    await shop.create_queue("mail-dead")
    await shop.create_queue("mail", deadLetter="mail-dead", retryLimit=0, expireInSeconds=120)
    await shop.create_queue("exports", policy="short")
    await shop.schedule("exports", "0 3 * * *", {"kind": "nightly"}, tz="Europe/Vienna")
    for number in range(1, 7):
        await shop.send(
            "mail", {"to": f"user{number}@example.org", "tries": [1, 2]}, id=job_id(number), priority=7 - number
        )
    [first] = await shop.fetch("mail")
    await shop.complete("mail", first["id"], {"sent": True})
    await shop.any("cancel", "mail", job_id(6))
    for _ in range(2):
        [taken] = await shop.fetch("mail")
        await shop.fail("mail", taken["id"], {"message": "no route to host", "stack": STACK})
    await shop.fetch("mail")
    await shop.send("exports", {"kind": "by hand"}, id=job_id(7))
    await shop.stop()
    _made_older(db)
    return db


def _made_older(db: Database) -> None:
    """Each job half a day older than the one sent before; work began an hour and a half later."""
    for original, copy in ((2, 8), (3, 9)):
        db.execute(
            "UPDATE job SET id = %s WHERE name = 'mail-dead' AND source_id = %s", [job_id(copy), job_id(original)]
        )
    db.execute(
        "UPDATE job SET created_on = now() - make_interval(hours => 12 * right(id::text, 2)::integer + 6, mins => 25)"
    )
    db.execute("UPDATE job SET start_after = created_on, keep_until = created_on + interval '14 days'")
    db.execute(
        "UPDATE job SET started_on = CASE state WHEN 'active' THEN now() - interval '90 seconds'"
        " ELSE created_on + interval '90 minutes' END WHERE started_on IS NOT NULL"
    )
    db.execute("UPDATE job SET completed_on = created_on + interval '100 minutes' WHERE completed_on IS NOT NULL")
