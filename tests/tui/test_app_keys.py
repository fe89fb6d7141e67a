"""The file of keys: what it may say, what is told of it, and that every screen goes by it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bossctl.tui.app import BossApp
from bossctl.tui.commands import offers
from bossctl.tui.keymap import Keymap, load, scopes, understood
from bossctl.tui.screens.jobs import JobsScreen
from bossctl.tui.screens.queues import QueuesScreen
from bossctl.tui.setup import Setup
from tests.conftest import SeededFactory
from tests.seed.plan import BUSY
from tests.support.releases import NEWEST
from tests.tui.app_support import running

KNOWN = scopes(BossApp.COMMAND_LIST)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", {}),
        ('# nothing\n\nqueues.sort = "o"', {"queues.sort": "o"}),
        ('"queues.sort" = "?"\napp.help = "f1"', {"queues.sort": "question_mark", "app.help": "f1"}),
        ('[queues]\nsort = "o,ctrl+o" # two\n[app]\npause = "f6"', {"queues.sort": "o,ctrl+o", "app.pause": "f6"}),
        ('queues.sort = "x"\nqueues.exact = "s"', {"queues.sort": "x", "queues.exact": "s"}),
        ('app.longer = "-"\napp.shorter = "+"', {"app.longer": "minus", "app.shorter": "plus"}),
        ('job.retry = "W"', {"job.retry": "W"}),
        ('table.mark = "f7"', {"table.mark": "f7"}),
    ],
)
def test_lines_that_can_be_used(text: str, keys: dict[str, str]) -> None:
    assert understood(text, KNOWN) == Keymap(keys, ())


def test_what_has_no_key_by_default_can_be_given_one() -> None:
    text = 'app.theme = "f8"\nqueue.drift = "f9"\njobs.forget = "x"\napp.pause = "f6"'
    keys = {"app.theme": "f8", "queue.drift": "f9", "jobs.forget": "x", "app.pause": "f6"}
    assert understood(text, KNOWN) == Keymap(keys, (), frozenset(keys) - {"app.pause"})
    assert understood('app.ctx = "r"', KNOWN).problems == ("line 1: r cannot be app.ctx: it is app.refresh already",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('\nqueues.nope = "o"', "line 2: there is no command queues.nope"),
        ("queues.sort = o", "line 1: not a line such as"),
        ("queues.sort = 5", "line 1: the keys of queues.sort must stand in quotes"),
        ('queues.sort = "wibble"', "line 1: wibble is not the name of a key"),
        ('queues.sort = "hyper+o"', "line 1: hyper+o is not the name of a key"),
        ('queues.sort = ""', "line 1: nothing is not the name of a key"),
        ('job.retry = "w"', "line 1: job.retry changes the database, so its key must be a capital, not w"),
        ('job.retry = "ctrl+w"', "line 1: job.retry changes the database"),
        ('queues.sort = "q"', "line 1: q cannot be queues.sort: it is app.quit already"),
        ('queues.sort = "j"', "line 1: j cannot be queues.sort: it is move.down already"),
        ('queues.sort = "o"\nqueues.sort = "i"', "line 2: queues.sort has its keys in line 1 already"),
        ('queues.sort = "o"\nqueues.exact = "o"', "line 2: o cannot be queues.exact: it is queues.sort already"),
    ],
)
def test_what_is_wrong_is_told_by_its_line_and_left_out(text: str, problem: str) -> None:
    found = understood(text, KNOWN)
    assert len(found.problems) == 1
    assert found.problems[0].startswith(problem)
    assert "nope" not in found.keys
    good = understood(f'{text}\napp.pause = "f6"', KNOWN)
    assert good.keys["app.pause"] == "f6", "one line spoils no other"


def test_the_defaults_have_no_clash_that_a_file_of_defaults_would_be_told_of() -> None:
    commands = {one.id: one for scope in KNOWN for one in scope.values() if one.keys}
    text = "\n".join(f'"{one.id}" = "{",".join(one.keys)}"' for one in commands.values())
    assert understood(text, KNOWN).problems == ()


def test_the_example_of_the_readme_is_good() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [text] = [one for one in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "app.pause" in one]
    assert understood(text, KNOWN) == Keymap({"queues.sort": "o", "app.pause": "p,f6", "job.retry": "W"}, ())


def test_a_file_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    file = tmp_path / "keymap.toml"
    assert load(file, ()) == Keymap({}, ())
    file.write_bytes(b"\xff\xfe")
    assert "cannot be read" in load(file, ()).problems[0]


async def test_every_screen_footer_and_help_go_by_the_file(seeded: SeededFactory, tmp_path: Path) -> None:
    file = tmp_path / "keymap.toml"
    file.write_text(
        'app.help = "f1"\nqueues.filter = "i"\njob.retry = "W"\napp.pause = "q"\nqueues.open = "o"\n'
        'queue.drift = "f9"\napp.interval = "f8"\napp.theme = "f7"\n'
    )
    async with running(seeded(NEWEST).dsn, size=(140, 60), refresh=60, setup=Setup(keymap=file)) as driver:
        await driver.until(lambda: "keymap.toml line 4: q cannot be app.pause" in " ".join(driver.text.split()))
        await driver.until(lambda: "f1 Help" in driver.lines[-1] and "i Filter" in driver.lines[-1])
        await driver.press("slash")
        assert not driver.app.screen.query_one("FilterLine").display
        await driver.press("i", *BUSY)
        await driver.until(lambda: BUSY in driver.table.keys and len(driver.table.keys) < 5)
        await driver.press("escape", "f1")
        await driver.until(lambda: "Esc closes" in driver.text)
        assert any(" i " in line and "Filter" in line for line in driver.lines)
        assert any(" f8 " in line and "Interval" in line for line in driver.lines)
        await driver.press("escape")
        await driver.on(QueuesScreen)
        await driver.press("f9", "f8")  # drift is no command here
        await driver.until(lambda: ":app.interval" in driver.lines[-1])
        await driver.press(*"30", "enter")
        await driver.until(lambda: driver.app.desk.refresh == 30)
        await driver.press("f7")
        await driver.until(lambda: "high-contrast" in driver.text)
        await driver.press("escape")
        await driver.on(QueuesScreen)
        await driver.line("jobs state:failed")
        jobs = await driver.on(JobsScreen)
        keys = {offer.command.id: offer.keys for offer in offers(jobs)}
        assert keys["job.retry"] == ("W",)
        assert keys["app.pause"] == ("p",)
        await driver.press("R")
        assert driver.app.screen is jobs
        await driver.press("W")
        await driver.until(lambda: driver.app.screen is not jobs)
