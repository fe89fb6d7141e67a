"""Whole processes beside bare programs that do the same with the same libraries: time, memory, the first paint."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, perf_counter

from tests.bench.measure import Figure, compare

COMMANDS = 30
RUNS = 9
PATIENCE_SECONDS = 30
SIZE = {"COLUMNS": "120", "LINES": "40"}

BARE_TYPER = f"""
import typer
app = typer.Typer()
for number in range({COMMANDS}):
    @app.command(f"command-{{number}}")
    def command(name: str, limit: int = typer.Option(50, help="How many."), output: str = "table") -> None:
        "Do something."
app()
"""
BARE_HISTOGRAM = """
import json, sys
import psycopg
import typer
app = typer.Typer()
@app.command()
def histogram(dsn: str, schema: str = "pgboss") -> None:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            f"SELECT name, state::text, count(*) FROM {schema}.job GROUP BY 1, 2"
        ).fetchall()
    print(json.dumps([list(row) for row in rows]))
app()
"""
BARE_TEXTUAL = """
from textual.app import App
from textual.widgets import DataTable, Footer, Header
class Bare(App):
    def compose(self):
        yield Header()
        yield DataTable()
        yield Footer()
    def on_mount(self):
        table = self.query_one(DataTable)
        table.add_columns("queue", "ready", "active", "failed")
        table.add_rows((f"queue-{number:02d}", 1, 2, 3) for number in range(1, 51))
Bare().run()
"""
PEAK = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
"""

Command = Sequence[str | Path]


async def figures(dsn: str, schema: str) -> AsyncIterator[Figure]:
    """Lines in milliseconds, and one in MB, which says so."""
    histogram = program(BARE_HISTOGRAM, dsn, "--schema", schema)
    with program(BARE_TYPER, "--help") as helping, histogram as bare, program(BARE_TEXTUAL) as table:
        yield await _pair("--help", [*OURS, "--help"], helping, "bare typer", 1.6)
        listing = [*OURS, "queue", "list", "-o", "json", "--dsn", dsn, "--schema", schema]
        yield await _pair("queue list -o json", listing, bare, "bare typer + psycopg", 1.5)
        ours, reference = _most_memory(listing), _most_memory(bare)
        yield Figure("queue list -o json, MB of memory", ours, "bare typer + psycopg", reference, limit_ratio=1.25)
        tui = [*OURS, "tui", "--dsn", dsn, "--schema", schema]
        paints = await compare(_paint(tui), _paint(table), RUNS)
        yield Figure("TUI to the first useful paint", paints[0], "bare Textual table", paints[1], limit_ratio=2.5)


OURS: Command = (sys.executable, "-m", "bossctl")


@contextmanager
def program(text: str, *arguments: str) -> Iterator[Command]:
    """The command that runs a program of this text."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bare.py"
        path.write_text(text, encoding="utf-8")
        yield [sys.executable, path, *arguments]


async def _pair(name: str, ours: Command, bare: Command, reference: str, ratio: float) -> Figure:
    ours_ms, reference_ms = await compare(_run(ours), _run(bare), RUNS)
    return Figure(name, ours_ms, reference, reference_ms, limit_ratio=ratio)


def _run(command: Command) -> Callable[[], asyncio.Future[None]]:
    def once() -> None:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)

    return lambda: asyncio.get_running_loop().run_in_executor(None, once)


def _most_memory(command: Command) -> float:
    """MB resident at most; a small program starts it, since a child begins with the peak of who forked it."""
    ran = subprocess.run([sys.executable, "-c", PEAK, *command], capture_output=True, text=True, check=True)
    return int(ran.stderr.rsplit(None, 1)[-1]) / 1024


def _paint(command: Command) -> Callable[[], asyncio.Future[float]]:
    return lambda: asyncio.get_running_loop().run_in_executor(None, first_paint, command)


def first_paint(command: Command) -> float:
    """Seconds from the start of a program in a terminal until the first queue's name is drawn."""
    began = perf_counter()
    with in_terminal(command) as (_, terminal):
        seen = b""
        end = monotonic() + PATIENCE_SECONDS
        while b"queue-01" not in seen:
            if monotonic() > end:
                raise TimeoutError("nothing was painted")
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 65536)
        return perf_counter() - began


@contextmanager
def in_terminal(command: Command) -> Iterator[tuple[int, int]]:
    """A program in a terminal of its own: its process and the terminal's other side. It is ended afterwards."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update({**SIZE, "TERM": "xterm-256color"})
        os.execv(command[0], [os.fspath(part) for part in command])
    try:
        yield child, terminal
    finally:
        with suppress(ProcessLookupError):
            os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)
