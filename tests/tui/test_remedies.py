"""What commands of remedies lead to inside."""

from __future__ import annotations

import pytest

from bossctl.models.jobactions import JobAction
from bossctl.selector import parse
from bossctl.tui.places import JobPlace, JobsPlace, Place, QueuePlace, QueuesPlace, SchedulesPlace, WorkersPlace
from bossctl.tui.remedies import Acting, Ensuring, way

ONE, OTHER = "7a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e", "8a9d2c1e-0b7e-4e52-9d0e-0d4a2b1c3d4e"
WAYS: list[tuple[str, Place | Ensuring | Acting | None]] = [
    ("bossctl job list 'queue:mail is:stuck'", JobsPlace("queue:mail is:stuck")),
    ("bossctl --context prod --schema 'Odd Name' job list queue:mail", JobsPlace("queue:mail")),
    ("bossctl job list 'queue:\"it'\"'\"'s; --\" is:due'", JobsPlace('queue:"it\'s; --" is:due')),
    ("bossctl job show 3913ce9c", JobPlace("3913ce9c")),
    ("bossctl job explain 3913ce9c", JobPlace("3913ce9c")),
    ("bossctl queue show 'a b'", QueuePlace("a b")),
    ("bossctl queue list", QueuesPlace()),
    ("bossctl queue ensure mail-dead", Ensuring("mail-dead")),
    (
        "bossctl queue ensure mail --expire-in 90s --dead-letter none --no-retry-backoff --notify",
        Ensuring("mail", {"expire_in": "90s", "dead_letter": "none", "retry_backoff": "no", "notify": "yes"}),
    ),
    ("bossctl queue ensure mail --file x.toml", None),
    ("bossctl queue ensure mail --no-expire-in 90s", None),
    ("bossctl queue ensure mail --expire-in", None),
    ("bossctl worker list", WorkersPlace()),
    ("bossctl schedule list", SchedulesPlace()),
    ("bossctl schedule list --all", None),
    (
        "bossctl job retry 'queue:mail state:failed'",
        Acting(JobAction.RETRY, parse("queue:mail state:failed")),
    ),
    (
        "bossctl job defer 'queue:mail key:a is:due' --by 15m --limit 5",
        Acting(JobAction.DEFER, parse("queue:mail key:a is:due"), {"due": "15m", "limit": "5"}),
    ),
    (f"bossctl job defer {ONE} --now", Acting(JobAction.DEFER, parse(ONE), {"due": "now"})),
    (f"bossctl job resume {ONE}", Acting(JobAction.RESUME, parse(ONE))),
    (f"bossctl job cancel {ONE} {OTHER}", Acting(JobAction.CANCEL, parse(f"{ONE} {OTHER}"))),
    ("bossctl job retry 'queue:mail state:failed' --show-sql", None),
    ("bossctl job defer --now", None),
    ("bossctl job undo x", None),
    ("rm -rf /", None),
    ("bossctl job list 'queue:mail", None),
    ("", None),
]


@pytest.mark.parametrize(("command", "leads"), WAYS)
def test_where_a_command_leads(command: str, leads: Place | Ensuring | Acting | None) -> None:
    assert way(command) == leads
