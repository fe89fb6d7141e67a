"""Undo: every action is taken back row by row, from the schema bossctl or from a file, as far as the rows allow."""

from __future__ import annotations

import pytest

from tests.conftest import SeededFactory
from tests.support.recording import do, log, make_own_schema, places, rows, undo
from tests.support.releases import NEWEST

DIAGONAL = [("9.0.3", "file"), ("10.4.2", "schema"), ("11.1.2", "file"), (NEWEST, "schema"), (NEWEST, "file")]
RELEASES = [("9.0.3", "schema"), ("10.4.2", "file"), ("11.1.2", "schema"), ("12.23.0", "file")]


@pytest.mark.parametrize(
    ("release", "where"), [*DIAGONAL, *(pytest.param(*one, marks=pytest.mark.matrix) for one in RELEASES)]
)
async def test_all_actions_are_taken_back(seeded: SeededFactory, release: str, where: str) -> None:
    db = seeded(release)
    if where == "schema":
        await make_own_schema(db)
    before = rows(db)
    acted = [
        ("retry", "state:failed queue:mail", {}),
        ("cancel", "queue:exports", {}),
        ("resume", "state:cancelled queue:mail", {}),
        ("defer", "queue:exports", {"by_seconds": 3600}),
        ("delete", "state:completed queue:mail", {}),
        ("resend", "state:failed queue:mail", {}),
        ("archive", "queue:mail", {}),
    ]
    for action, selector, options in acted:
        done = await do(db, action, selector, **options)
        assert done.changed, (action, done)
        after = rows(db)
        assert after != before, action
        back = await undo(db)
        assert (back.changed, back.skipped) == (done.changed, {}), (action, back.skipped)
        assert rows(db) == before, action
    entries = await log(db)
    assert [one.action for one in entries] == [
        "undo",
        "archive",
        *["undo", "resend", "undo", "delete"],
        *["undo", "defer"],
        *["undo", "resume", "undo", "cancel", "undo", "retry"],
    ]
    assert {one.where for one in entries if one.action not in ("undo", "archive")} == {where}
    assert all(one.undone == one.changed for one in entries if one.action != "undo")
    assert all(len(found) == 1 for id, found in places(db).items() if id in before)
