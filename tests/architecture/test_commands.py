"""What typer was given: callbacks that run, options everywhere, and light imports."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer import TyperException
from typer.main import get_command

from bossctl.cli.app import command_line
from bossctl.cli.coercion import PlainReading
from bossctl.cli.settings import Settings

HEAVY = ("textual", "rich", "psycopg", "psycopg_pool", "cronsim", "bossctl.store", "bossctl.sql", "bossctl.tui")


def commands() -> Iterator[tuple[str, Any]]:
    """Every group and command with its path."""

    yield from below("bossctl", get_command(command_line()))


def below(path: str, command: Any) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        yield from below(f"{path} {name}", child)


ALL = dict(commands())
every_command = pytest.mark.parametrize("path", ALL)


@pytest.mark.parametrize("first", [path.split()[1] for path in ALL if path.count(" ") == 1])
def test_a_first_word_loads_the_same_commands_and_few_others(first: str) -> None:
    found = dict(below("bossctl", get_command(command_line(first))))
    whole = {path for path in ALL if path.split()[1:2] == [first]}
    assert whole <= found.keys()
    assert len(found) <= len(whole) + 3
    for path in whole:
        assert found[path].help == ALL[path].help
        assert [param.opts for param in found[path].params] == [param.opts for param in ALL[path].params]


def test_any_other_first_word_has_all_to_choose_from() -> None:
    for first in (None, "", "--dsn", "quee", "-h"):
        assert dict(below("bossctl", get_command(command_line(first)))).keys() == ALL.keys()


@every_command
def test_no_callback_is_a_coroutine(path: str) -> None:
    callback = inspect.unwrap(ALL[path].callback)
    assert not inspect.iscoroutinefunction(callback), "typer would never await it and exit 0"


@every_command
def test_connection_options_help_and_version_are_everywhere(path: str) -> None:
    names = {name for param in ALL[path].params for name in param.opts}
    assert names >= {"--dsn", "-d", "--schema", "-s", "--context", "-c", "--read-only", "--statement-timeout"}
    assert names >= {"--no-color", "--version"}


@every_command
def test_typer_reads_no_environment(path: str) -> None:
    assert not [param.name for param in ALL[path].params if param.envvar], (
        "it would beat a flag given before the command"
    )


@every_command
def test_every_value_is_read_without_pydantic(path: str) -> None:
    for param in ALL[path].params:
        assert isinstance(param.get_runtime_param(), PlainReading), (
            f"{param.name}: typer would load 10 MB and a tenth of a second of pydantic"
        )


@pytest.mark.parametrize("value", ["0.1", "3601", "nan", "inf", "soon"])
def test_an_interval_out_of_bounds_is_refused(value: str) -> None:
    with pytest.raises(TyperException, match="is not"):
        get_command(command_line()).main(
            ["tui", "--refresh", value], prog_name="bossctl", standalone_mode=False, obj=Settings({}, Path())
        )


@every_command
def test_every_command_says_what_it_does_and_gives_an_example(path: str) -> None:
    command = ALL[path]
    assert command.help, path
    if not hasattr(command, "commands"):
        assert f"Example:\n  {path}" in inspect.cleandoc(command.help).replace("\b\n", "")
    assert len(command.get_short_help_str(200)) <= 62, "fits the list of commands"


def test_the_commands_of_this_release_are_there() -> None:
    leaves = {path.removeprefix("bossctl ") for path, command in ALL.items() if not hasattr(command, "commands")}
    assert leaves == {
        *("tui", "doctor", "info", "stats", "demo", "queue list", "queue show", "queue ensure"),
        *("queue export", "queue delete"),
        *("job list", "job show", "job explain", "job errors", "schedule list", "worker list"),
        *("job retry", "job cancel", "job resume", "job defer", "job redrive", "job resend", "job delete"),
        *("job archive", "job restore", "log", "undo"),
    }


def loaded_by(*argv: str) -> set[str]:
    """The modules in sys.modules after `bossctl ARGV`."""
    program = (
        "import sys, json, io, contextlib\n"
        "from bossctl.__main__ import main\n"
        f"sys.argv = ['bossctl', *{list(argv)!r}]\n"
        "with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):\n"
        "    main()\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(result.stdout))


@pytest.mark.parametrize(
    "argv", [("--help",), ("queue", "--help"), ("doctor", "--help"), ("--version",), ("nonsense",)]
)
def test_help_imports_nothing_heavy(argv: tuple[str, ...]) -> None:
    assert not loaded_by(*argv) & set(HEAVY)


@pytest.mark.parametrize("argv", [("queue", "list"), ("doctor",), ("job", "list"), ("info",)])
def test_commands_never_import_textual(argv: tuple[str, ...]) -> None:
    loaded = loaded_by(*argv, "-o", "json", "--dsn", "host=127.0.0.1 port=1 connect_timeout=2")
    assert "psycopg" in loaded, "it did try to connect"
    assert not {"textual", "rich", "bossctl.tui"} & loaded
