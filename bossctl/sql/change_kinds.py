"""What each action does to a job's row, in the words of every generation of pg-boss (FACTS §3.1)."""

from __future__ import annotations

from bossctl.sql.changes import Change


def cancelled() -> Change:
    """pg-boss's own cancel."""
    return Change(
        states=("created", "retry", "active"),
        unfit="already-ended",
        after={"state": "'cancelled'", "completed_on": "now()"},
        facts={"active": "j.state = 'active'", "blocking": "j.blocking"},
    )
