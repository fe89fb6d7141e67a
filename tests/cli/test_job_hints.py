"""What actions on jobs say to help: what undo can take back, where a job is that was not found, a time that is past."""

from __future__ import annotations

from pathlib import Path

import pytest

from bossctl.cli.output import Format, Printer
from bossctl.cli.settings import Settings
from bossctl.cli.views import actions as views
from bossctl.models.common import Target
from bossctl.models.jobactions import ActionOutcome, ActionPlan, ActionRequest, JobAction
from bossctl.selector import Archived
from tests.cli.conftest import Bossctl
from tests.conftest import SeededFactory
from tests.support.releases import NEWEST


@pytest.mark.parametrize("release", ["9.0.3", NEWEST])
def test_what_actions_say_to_help(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)

    def said(code: int, *argv: str) -> str:
        result = bossctl("job", *argv, "--yes", "--dsn", db.dsn)
        assert result.code == code, result.err
        return result.err + result.text

    def one(queue: str, state: str) -> str:
        return str(db.value("SELECT id::text FROM job WHERE name = %s AND state::text = %s LIMIT 1", [queue, state]))

    stuck = said(0, "retry", "is:stuck")
    assert ("undo does not make jobs active again" in stuck, "takes it back" in stuck) == (True, False)
    assert "takes it back, but makes no job active again" in said(0, "cancel", "queue:mail")
    assert "takes it back\n" in said(0, "cancel", "queue:exports")
    past = said(2, "defer", "queue:exports", "--until", "2020-01-31T08:00")
    assert "error: 2020-01-31 08:00" in past
    assert " is past: it is 20" in past
    live, away = one("mail", "failed"), one("thumbnails", "completed")
    said(0, "archive", away)
    where = "pg-boss's archive" if release == "9.0.3" else "bossctl's own archive"
    told = f"warning: job {away} is archived, in {where}, and actions leave it alone there: bossctl job restore {away}"
    assert told in said(5, "retry", away)
    assert told in said(0, "retry", live, away)
    assert "is archived" not in said(5, "retry", live)
    assert "is archived" not in said(0, "restore", away)


@pytest.mark.parametrize("path", ["/jobs.jsonl", None])
def test_what_finishes_an_archive(capsys: pytest.CaptureFixture[str], path: str | None) -> None:
    request = ActionRequest(JobAction.ARCHIVE, Archived("any"), "queue:mail", path=path)
    plan = ActionPlan(request, 2, 2, {}, {}, {"mail": 2}, "2 jobs")
    where = Target("localhost", 5432, "app", "me", "pgboss", "--dsn")
    for outcome in (ActionOutcome(plan, 1, {}, {}, stopped="gone"), ActionOutcome(plan, 1, {}, {}, interrupted=True)):
        views.done(Printer(Settings({}, Path()), Format.JSON), where, outcome, show_sql=False)
        assert "running it again finishes it" in capsys.readouterr().err
