"""The only writer to stdout. Machine formats are UTF-8 in every locale; a closed pipe ends the writing quietly."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bossctl.cli.settings import Settings
from bossctl.errors import UsageError

if TYPE_CHECKING:
    from bossctl.cli.table import Table

STYLES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "magenta": "35"}


class Format(StrEnum):
    """What reading commands can print."""

    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"


OutputOption = Annotated[
    Format, typer.Option("--output", "-o", metavar="FORMAT", help="table, json, jsonl or csv.", show_default=True)
]


class Printer:
    """Writes one command's answer to stdout. `closed` says that nobody reads it any more."""

    def __init__(self, settings: Settings, output: str) -> None:
        self.format = Format(output)
        self.terminal = sys.stdout.isatty()
        self.colour = self.terminal and not settings.colourless
        self.width = shutil.get_terminal_size().columns
        self.closed = False

    @property
    def human(self) -> bool:
        """True when a person's table is asked for."""
        return self.format is Format.TABLE

    def rows(self, body: Mapping[str, Any], key: str, header: Sequence[str] = ()) -> None:
        """Print `body[key]`, a list of objects, in a machine format; json prints all of `body`.

        `header` names the csv columns of an empty list.
        """
        from bossctl.cli import document

        rows = body[key]
        if self.format is Format.JSON:
            self.data(document.to_json(document.document(body)) + "\n")
        elif self.format is Format.JSONL:
            self.lines(rows)
        else:
            self.csv(document.to_csv(rows, header))

    def single(self, body: Mapping[str, Any]) -> None:
        """Print one object: json whole, jsonl on one line, csv as key and value."""
        from bossctl.cli import document

        if self.format is Format.JSONL:
            self.lines([body])
        elif self.format is Format.CSV:
            self.csv(document.to_csv(document.pairs(body), ("key", "value")))
        else:
            self.data(document.to_json(document.document(body)) + "\n")

    def lines(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Print one JSON object per line."""
        from bossctl.cli import document

        self.data("".join(document.to_json(row, None) + "\n" for row in rows))

    def csv(self, text: str) -> None:
        """Print csv: as it is for programs, cleaned on a terminal."""
        from bossctl.format import clean

        self.data("".join(f"{clean(line)}\r\n" for line in text.split("\r\n")[:-1]) if self.terminal else text)

    def facts(self, facts: Sequence[tuple[str, Any]]) -> None:
        """Print names and values side by side, without a header."""
        from bossctl.cli.table import Cell, Column, Table

        rows = [(Cell(name, "bold"), value) for name, value in facts]
        self.table(Table((Column("", whole=True), Column("", whole=True)), rows))

    def heading(self, title: str) -> None:
        """Print a section's title after an empty line."""
        self.text(f"\n{self.paint(title.upper(), 'bold')}\n")

    def paragraph(self, text: str, indent: int = 2) -> None:
        """Print text for reading: wrapped on a terminal, one line elsewhere."""
        self.text(self.wrapped(text, indent))

    def wrapped(self, text: str, indent: int = 0) -> str:
        """Text for reading as `paragraph` prints it."""
        from bossctl.format import clean

        blanks = " " * indent
        if not self.terminal:
            return f"{blanks}{clean(text)}\n"
        from textwrap import wrap

        lines = wrap(clean(text), max(20, self.width - indent), break_long_words=False, break_on_hyphens=False)
        return "".join(f"{blanks}{line}\n" for line in lines)

    def clean_line(self, text: str) -> None:
        """Print one line of text from the database or about it."""
        self.lines_of_text([text])

    def lines_of_text(self, lines: Iterable[str]) -> None:
        """Print lines of text from the database, whole."""
        from bossctl.format import clean

        self.text("".join(clean(line) + "\n" for line in lines))

    def can_draw(self, characters: str) -> bool:
        """True when stdout's encoding has these characters."""
        try:
            characters.encode(sys.stdout.encoding or "utf-8")
        except UnicodeEncodeError:
            return False
        return True

    def table(self, table: Table) -> None:
        """Print a Table, fitted when stdout is a terminal."""
        from bossctl.cli.table import fitted, plain

        self.text(fitted(table, self.width, colour=self.colour) if self.terminal else plain(table))

    def paint(self, text: str, style: str) -> str:
        """`text` in a style of STYLES, where colours are wanted."""
        return f"\x1b[{STYLES[style]}m{text}\x1b[0m" if self.colour and style in STYLES else text

    def text(self, text: str) -> None:
        """Print text for people, in the terminal's encoding."""
        encoding = sys.stdout.encoding or "utf-8"
        self._write(text.encode(encoding, "backslashreplace"))

    def data(self, text: str) -> None:
        """Print text for programs, in UTF-8."""
        self._write(text.encode("utf-8", "backslashreplace"))

    def _write(self, data: bytes) -> None:
        try:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError as error:
            self.closed = True
            silence_stdout()
            if error.errno != errno.EPIPE:
                raise UsageError(f"cannot write the output: {error.strerror}") from None

    def unread(self) -> bool:
        """Whether nobody reads stdout any more: its pipe is closed on the other side."""
        from select import POLLERR, POLLNVAL, poll

        if not self.closed:
            waiting = poll()
            waiting.register(sys.stdout.fileno(), 0)
            self.closed = any(event & (POLLERR | POLLNVAL) for _, event in waiting.poll(0))
        return self.closed


def silence_stdout() -> None:
    """Point stdout at nothing, so that neither later output nor the interpreter's last flush fails again."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
