"""What works on every screen: links, copying, statements, the interval, other databases, completion."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input, TextArea

from bossctl.cli.terminal import Link
from bossctl.config import context_names, resolve
from bossctl.errors import UsageError
from bossctl.store import Store
from bossctl.tui.chrome import Banner
from bossctl.tui.commands import Command
from bossctl.tui.copying import CAP, Copyable, capped, hand_over
from bossctl.tui.places import JobPlace, JobsPlace, QueuePlace
from bossctl.tui.ports import Opener
from bossctl.tui.screens.copied import SHOWN, CopiedScreen
from bossctl.tui.screens.job import JobScreen
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queue import QueueScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.screens.statements import StatementsScreen
from bossctl.tui.setup import Setup
from bossctl.tui.widgets.json_view import JsonView
from bossctl.tui.widgets.table import LineTable
from tests.conftest import DatabaseFactory, SeededFactory
from tests.seed.plan import BUSY, EMPTY
from tests.support.releases import NEWEST
from tests.tui.app_support import SMALL, Driver, opened_on, running, spec

NOBODY = "00000000-0000-4000-8000-000000000000"


def banner(driver: Driver) -> str:
    shown = driver.app.screen.query_one(Banner)
    return shown._text if shown.display else ""


def told(driver: Driver, words: str) -> bool:
    return any(words in one.message for one in driver.app._notifications)


# --- links


async def test_links_open_where_they_say_and_escape_leads_to_the_queues(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    job = db.value("SELECT id::text FROM job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])
    for place, kind in (
        (QueuePlace(BUSY), QueueScreen),
        (JobPlace(job), JobScreen),
        (JobsPlace("state:failed"), JobsScreen),
    ):
        async with running(db.dsn, size=SMALL, start=place, refresh=60) as driver:
            screen = await driver.on(kind)
            assert screen.place == place
            await driver.press("escape")
            await driver.on(QueuesScreen)
    async with running(db.dsn, size=SMALL, start=QueuePlace("nowhere"), refresh=60) as driver:
        await driver.on(QueueScreen)
        assert "nowhere" in banner(driver)
        assert "Nothing read yet" in banner(driver)
        await driver.app.action_back()
        await driver.on(QueuesScreen)
        driver.app.visit(JobPlace(NOBODY))
        await driver.on(JobScreen)
        assert NOBODY in banner(driver)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--jobs", "state:nope"], 'unknown state "nope"'),
        (["--job", "12"], "whole UUID"),
        (["--queue", "a", "--jobs", "is:due"], "both say where to open"),
    ],
)
def test_a_link_that_cannot_be_ends_with_2_before_anything_is_drawn(arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", "bossctl", "tui", *arguments, "--dsn", "host=127.0.0.1 port=1"]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_a_screen_there_is_not_is_said_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="there is no screen nope") as caught:
        Link(screen="nope").start()
    hint = caught.value.hint or ""
    assert all(name in hint for name in ("findings", "workers", "schedules", "log"))
    assert Link(screen="findings").start() == "go.findings"
    assert Link(job=NOBODY.upper()).start() == JobPlace(NOBODY)


# --- copying


async def test_what_is_under_the_cursor_is_copied_and_offered(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    job, data = db.execute("SELECT id::text, data::text FROM job WHERE name = %s AND state = 'failed' LIMIT 1", [BUSY])[
        0
    ]
    async with running(db.dsn, size=SMALL, refresh=60) as driver:

        async def copied() -> str:
            await driver.press("y")
            await driver.until(lambda: isinstance(driver.app.screen, CopiedScreen))
            await driver.until(lambda: "if it did not arrive, select it here" in " ".join(driver.text.split()))
            assert driver.app.screen.query_one(TextArea).text == driver.app.clipboard[:SHOWN]
            await driver.press("escape")
            return driver.app.clipboard

        driver.table.go_to(BUSY)
        assert await copied() == BUSY
        await opened_on(driver, f"job {job}", JobScreen)
        assert await copied() == job
        driver.screen.query_one("#data", JsonView).lines.focus()
        await driver.until(lambda: driver.screen.focused is driver.screen.query_one("#data", JsonView).lines)
        assert await copied() == data
        hand_over(driver.app, Copyable("the payload", "é" * CAP, "more of it is there", lines=True))
        assert driver.app.clipboard == "é" * (CAP // 2)
        await driver.until(lambda: "only the first 100 kB of 200 kB" in " ".join(driver.text.split()))
        assert "more of it is there" in " ".join(driver.text.split())
        await driver.press("escape")
        hand_over(driver.app, Copyable("the queue's name", "a\x1b[2Jb"))
        await driver.until(lambda: "was not sent to the clipboard" in driver.text)
        assert "\x1b" not in driver.text
        assert driver.app.clipboard == "é" * (CAP // 2)


def test_what_is_capped_is_no_longer_than_the_cap_and_cuts_no_character() -> None:
    for text in ("a" * CAP, "a" * (CAP + 1), "aé" * CAP, "\U0001f600" * CAP):
        assert len(capped(text).encode()) <= CAP
        assert text.startswith(capped(text))
    assert capped("a" * CAP) == "a" * CAP


# --- statements


async def test_statements_of_a_screen_are_shown_with_rows_and_copied(seeded: SeededFactory) -> None:
    db = seeded(NEWEST)
    async with running(db.dsn, refresh=60) as driver:
        await opened_on(driver, f"jobs queue:{BUSY}", JobsScreen)
        await driver.until(lambda: driver.screen.readings()[0][0].statements)
        page = driver.screen.readings()[0][0].value
        assert page is not None
        await driver.press("@")
        await driver.until(lambda: isinstance(driver.app.screen, StatementsScreen))
        table = driver.app.screen.query_one(LineTable)
        await driver.until(lambda: table.keys)
        names = [table.texts(key)[0] for key in table.keys]
        assert names[0] == "begin_read"
        rows = next(table.texts(key)[1] for key in table.keys if table.texts(key)[0].startswith("jobs"))
        assert int(rows) >= len(page.jobs) > 0
        assert "version" in names, "what the header is made of is there, too"
        table.go_to(next(key for key in table.keys if table.texts(key)[0].startswith("jobs")))
        await driver.until(lambda: "SELECT" in driver.text and "%(" in driver.text)
        await driver.press("y")
        await driver.until(lambda: isinstance(driver.app.screen, CopiedScreen))
        assert "SELECT" in driver.app.clipboard
        await driver.press("escape", "escape")
        await driver.on(JobsScreen)
        db.execute("ALTER TABLE job RENAME TO job_gone")
        await driver.press("1", "r")
        await driver.until(lambda: banner(driver))
        await driver.press("@")
        await driver.until(lambda: "failed" in driver.text)


async def test_nothing_is_recorded_for_those_who_did_not_ask(seeded: SeededFactory) -> None:
    store = await Store.open(spec(seeded(NEWEST).dsn))
    async with store:
        with store.recording() as ran:
            await store.queue_names()
        await store.overview()
        assert [one.name for one in ran] == ["begin_read", "queue_names"]
        assert ran[1].rows
        assert all(one.ms >= 0 and one.error is None for one in ran)


@pytest.mark.parametrize("key", ["at", "question_mark"])
async def test_ctrl_c_quits_from_overlays_and_cancels_a_line(seeded: SeededFactory, key: str) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL, refresh=60) as driver:
        await driver.press("colon", "x", "ctrl+c")
        await driver.until(lambda: isinstance(driver.app.screen, QueuesScreen))
        await driver.press(key)
        await driver.until(lambda: not isinstance(driver.app.screen, QueuesScreen))
        await driver.press("ctrl+c")
        assert driver.app.return_code == 0


# --- how often


async def test_the_interval_changes_in_steps_within_bounds(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL, refresh=3600) as driver:
        poll = driver.screen.readings()[0][0]
        await driver.press("+")
        assert driver.app.desk.refresh == 3600
        await driver.press("-")
        assert driver.app.desk.refresh == 1800
        await driver.until(lambda: "every 30m" in driver.text)
        first = poll.value
        await driver.line("interval 0.2")
        await driver.until(lambda: poll.value is not first)
        await driver.press("-")
        assert driver.app.desk.refresh == 0.2
        for wrong in ("0.1", "3601", "nan", "soon"):
            await driver.line(f"interval {wrong}")
            assert driver.app.desk.refresh == 0.2
        await driver.press("+")
        assert driver.app.desk.refresh == 0.5


async def test_readings_are_five_times_slower_while_the_terminal_is_not_in_focus(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL, refresh=10) as driver:
        poll = driver.screen.readings()[0][0]
        driver.app.post_message(events.AppBlur())
        await driver.until(lambda: driver.app.desk.unfocused)
        await driver.until(lambda: "every 50s" in driver.text)
        poll.next_at = poll._clock() - 20.0
        driver.screen.tick()
        assert not poll.busy, "due for 20 of the 40 seconds that it is late now"
        driver.app.post_message(events.AppFocus())
        await driver.until(lambda: not driver.app.desk.unfocused)
        await driver.until(lambda: poll.wait > 5 and "every 10s" in driver.text)


# --- other databases


@dataclass
class Named:
    """Contexts as the command line gives them, of a file in a directory of the test's own."""

    home: Path
    dsns: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        text = "".join(f'[contexts.{name}]\ndsn = "{dsn}"\ncolor = "red"\n' for name, dsn in self.dsns.items())
        (self.home / "bossctl").mkdir()
        (self.home / "bossctl" / "config.toml").write_text(text, encoding="utf-8")

    @property
    def environ(self) -> dict[str, str]:
        return {"XDG_CONFIG_HOME": str(self.home)}

    def names(self) -> Sequence[str]:
        return context_names(self.environ)

    def opener(self, name: str) -> Opener:
        from bossctl.cli.settings import Settings
        from bossctl.cli.terminal import FileContexts

        return FileContexts(Settings(self.environ, self.home)).opener(name)


async def test_another_context_is_opened_in_place_of_this_one(
    seeded: SeededFactory, database: DatabaseFactory, tmp_path: Path
) -> None:
    db, other = seeded(NEWEST), database("11.1.2")
    other.execute("""SELECT create_queue('elsewhere', '{"policy": "standard"}')""")
    named = Named(tmp_path, {"prod": other.dsn, "down": "host=127.0.0.1 port=1 connect_timeout=2"})
    async with running(db.dsn, size=SMALL, refresh=60, setup=Setup(contexts=named)) as driver:
        before = driver.app.desk
        await opened_on(driver, f"go.queue {BUSY}", QueueScreen)
        await driver.line("ctx down")
        await driver.until(lambda: told(driver, "not switched to down"))
        assert driver.app.desk is before
        await driver.line("ctx nowhere")
        await driver.until(lambda: told(driver, "there is no context nowhere: prod, down"))
        before.writing.append("Retrying 3 jobs")
        await driver.line("ctx prod")
        await driver.until(lambda: told(driver, "Retrying 3 jobs is under way"))
        assert driver.app.desk is before
        before.writing.clear()
        await driver.press("colon", *"ctx p", "tab")
        assert driver.app.screen.query_one(Input).value == ":ctx prod "
        await driver.press("enter")
        await driver.until(lambda: driver.app.desk is not before and isinstance(driver.app.screen, QueuesScreen))
        await driver.until(lambda: "elsewhere" in driver.table.keys)
        assert len(driver.app.screen_stack) == 2
        assert driver.lines[0].startswith(" bossctl  PROD ")
        await driver.until(lambda: "11.1" in driver.lines[0])
        frame = driver.app.screen.query_one("Header").styles.background
        assert frame.r > 2 * max(frame.g, frame.b), "red"
        mine = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'bossctl' AND datname = %s"
        await driver.until(lambda: db.value(mine, [db.name]) == 0)
        assert driver.app.failure is None


async def test_without_contexts_there_is_no_such_command(seeded: SeededFactory) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL, refresh=60) as driver:
        await driver.line("ctx prod")
        await driver.until(lambda: "there is no command ctx" in driver.text)


def test_a_colour_must_be_known(tmp_path: Path) -> None:
    named = Named(tmp_path, {"prod": "host=x"})
    file = tmp_path / "bossctl" / "config.toml"
    from bossctl.config import Flags

    assert resolve(Flags(context="prod"), named.environ, tmp_path).color == "red"
    file.write_text(file.read_text().replace('"red"', '"rouge"'))
    with pytest.raises(UsageError, match="none that is known") as caught:
        resolve(Flags(context="prod"), named.environ, tmp_path)
    assert "red" in (caught.value.hint or "")


# --- completion


async def test_the_line_completes_the_words_of_a_selection(seeded: SeededFactory, tmp_path: Path) -> None:
    async with running(seeded(NEWEST).dsn, size=SMALL, refresh=60) as driver:
        await driver.press("colon", *"jo", *"bs qu", "tab")
        line = driver.app.screen.query_one(Input)
        assert line.value == ":jobs queue:"
        await driver.type("expo")
        await driver.press("tab")
        assert line.value == ":jobs queue:exports "
        await driver.type("state:fai")
        await driver.press("tab")
        assert line.value == ":jobs queue:exports state:failed "
        await driver.press("enter")
        jobs = await driver.on(JobsScreen)
        assert jobs.place == JobsPlace("queue:exports state:failed")
        await driver.press("colon", *"state can", "tab")
        assert driver.app.screen.query_one(Input).value == ":state cancelled "
        await driver.press("escape")
        await driver.on(JobsScreen)
        complete = driver.app.completions
        commands = {command.id: command for command in (*driver.app.COMMAND_LIST, *jobs.COMMAND_LIST)}
        assert list(complete(commands["jobs.state"], 0, "c")) == ["created", "completed", "cancelled"]
        assert list(complete(commands["queue.ensure"], 1, "st")) == ["standard", "stately"]
        assert list(complete(commands["go.queue"], 0, EMPTY[:3])) == [EMPTY]
        assert "high-contrast" in complete(commands["app.theme"], 0, "h")
        driver.app.desk.last_job = JobPlace(NOBODY)
        assert list(complete(commands["go.job"], 0, "")) == [NOBODY]
        assert list(complete(commands["job.defer"], 0, "1")) == ["15m", "1h", "1d"]
        (tmp_path / "queues.toml").touch()
        (tmp_path / "queues.d").mkdir()
        drift = Command("queue.drift", "", "Drift", args=("file...",))
        found = list(complete(drift, 0, f"{tmp_path}/que"))
        assert found == [f"{tmp_path}/queues.d/", f"{tmp_path}/queues.toml"]
        assert list(complete(drift, 0, f"{tmp_path}/nowhere/x")) == []
