"""A program in a real terminal: tmux draws it, types for it, and reads the screen back."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

needs_tmux = pytest.mark.skipif(shutil.which("tmux") is None, reason="no tmux on this machine")
END = "ended with code"


class Terminal:
    """A tmux server of its own with one window."""

    def __init__(self, socket: Path) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def run(self, *arguments: str) -> str:
        """A tmux command; what it printed."""
        return subprocess.run([*self._tmux, *arguments], capture_output=True, text=True, check=True, timeout=20).stdout

    def start(self, command: list[str], environment: Mapping[str, str], size: tuple[int, int]) -> None:
        """Run a command in the window; a line with its exit code follows it."""
        set_ = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        line = f"env -u COLUMNS -u LINES {set_} {shlex.join(command)}; echo {END} $?; sleep 3600"
        self.run("new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), "sh", "-c", line)

    def press(self, *keys: str) -> None:
        """Keys by tmux's names, such as Enter and Escape."""
        self.run("send-keys", *keys)

    def type(self, text: str) -> None:
        """The keys of a text."""
        self.run("send-keys", "-l", text)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return self.run("capture-pane", "-p")

    def until(self, *words: str, seconds: float = 30) -> str:
        """The screen, once all the words are on it."""
        return self.wait(lambda text: all(word in text for word in words), f"{words}", seconds)

    def wait(self, condition: Callable[[str], object], what: str, seconds: float = 30) -> str:
        """The screen, once the condition holds of it."""
        end = time.monotonic() + seconds
        while not condition(text := self.text):
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come:\n{text}")
            time.sleep(0.1)
        return text

    @property
    def process(self) -> psutil.Process:
        """The program that runs in it."""
        shell = psutil.Process(int(self.run("display-message", "-p", "#{pane_pid}")))
        [program] = shell.children()
        return program


@contextmanager
def terminal(directory: Path) -> Iterator[Terminal]:
    """A terminal that is gone afterwards, with what ran in it."""
    window = Terminal(directory / "tmux")
    try:
        yield window
    finally:
        subprocess.run([*window._tmux, "kill-server"], capture_output=True, timeout=20)
