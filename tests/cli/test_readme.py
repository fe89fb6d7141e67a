"""The README is true: its commands run as a user would type them, and what it lists is there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bossctl.cli.app import command_line
from bossctl.doctor import CHECKS
from bossctl.errors import Exit
from bossctl.selector import KEYS
from tests.conftest import SeededFactory

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
NEEDS_A_TERMINAL = ("bossctl tui", "bossctl demo")


def blocks() -> list[list[str]]:
    """The `bossctl …` lines of each shell block of the README."""
    found = []
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL):
        lines = [line.strip() for line in block.splitlines()]
        found.append([line for line in lines if line.startswith("bossctl ") and not line.startswith(NEEDS_A_TERMINAL)])
    return [lines for lines in found if lines]


@pytest.mark.parametrize("lines", blocks(), ids=lambda lines: lines[0][:40])
def test_examples_run(seeded: SeededFactory, lines: list[str], tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "BOSSCTL_DSN": seeded("12.38.0").dsn,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    for line in lines:
        done = subprocess.run(
            line, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        may_find = " doctor" in line or "--check" in line
        assert done.returncode in ((Exit.OK, Exit.FINDINGS) if may_find else (Exit.OK,)), f"{line}\n{done.stderr}"
        assert done.stdout or ">" in line, line


def test_there_are_examples() -> None:
    assert sum(map(len, blocks())) >= 25


def test_the_file_of_queues_is_accepted(seeded: SeededFactory, tmp_path: Path) -> None:
    text = next(text for text in re.findall(r"```toml\n(.*?)```", README, re.DOTALL) if "[queues." in text)
    (tmp_path / "queues.toml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "bossctl", "queue", "ensure", "-f", "queues.toml"]
    environment = {**os.environ, "BOSSCTL_DSN": seeded("12.38.0").dsn}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == Exit.OK, done.stderr


def test_every_exit_code_check_and_selector_key_is_listed() -> None:
    for code in Exit:
        assert re.search(rf"^\| {code.value} \|", README, re.MULTILINE), code
    for check in CHECKS:
        assert f"`{check.code}` {check.slug}" in README, check.code
    for key in KEYS:
        assert f"`{key.name}:" in README or f"`{key.name}." in README, key.name


def test_every_command_is_named() -> None:
    commands = list(_commands(get_command(command_line()), "bossctl"))
    assert len(commands) >= 12
    for command in commands:
        assert command in README, command


def _commands(command: Any, path: str) -> Iterator[str]:
    """Every command below a group, as it is typed."""
    below = getattr(command, "commands", None)
    if not below:
        yield path
        return
    for name, one in below.items():
        yield from _commands(one, f"{path} {name}")


def test_linked_pictures_exist() -> None:
    pictures = re.findall(r"\]\((screenshots/[^)]+)\)", README)
    assert pictures
    for picture in pictures:
        assert (ROOT / picture).exists(), picture
