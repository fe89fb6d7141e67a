"""What this database is, for people, and the histogram of states."""

from __future__ import annotations

from bossctl.cli import talk
from bossctl.cli.output import Printer
from bossctl.cli.table import STATE_STYLES, Cell, Column, Table
from bossctl.cli.views.services import WORKER_COLUMNS, worker_rows
from bossctl.cli.views.words import bytes_, given, number, since
from bossctl.format import split_width, timestamp
from bossctl.models.queues import STATES, Queue, QueueOverview
from bossctl.models.schema import Info

GLYPHS = {"created": "░", "retry": "▒", "active": "▓", "completed": "█", "cancelled": "─", "failed": "╳"}
LETTERS = {"created": "c", "retry": "r", "active": "a", "completed": "#", "cancelled": "-", "failed": "x"}
RANKS = (2, 3, 1, 4, 5, 0)
BAR = 40
"""Cells of a bar where no terminal sets a limit."""


def info(printer: Printer, reading: Info) -> None:
    """Sections: where, what, capabilities, sizes, background duties, instances."""
    target, server, pgboss = reading.target, reading.server, reading.pgboss
    releases = f"{pgboss.releases or 'unknown release'} (schema {given(pgboss.schema_number)})"
    printer.facts(
        [
            ("target", f"{target} (from {target.source})"),
            ("read only", given(target.read_only)),
            ("server", f"PostgreSQL {server.version}" + (", a standby" if server.standby else "")),
            ("server started", timestamp(server.started_on)),
            ("pg-boss", releases),
            ("generation", pgboss.generation),
            ("layout", pgboss.layout),
            ("queues", given(reading.queues)),
            ("other schemas", ", ".join(reading.other_schemas) or "-"),
        ]
    )
    if pgboss.note:
        talk.say(f"note: {pgboss.note}")
    printer.heading("capabilities")
    columns = (Column("CAPABILITY", whole=True), Column("HERE"), Column("SINCE"))
    rows = [
        [one.name, Cell("yes", "green") if one.present else Cell("no", "dim"), one.since]
        for one in reading.capabilities
    ]
    printer.table(Table(columns, rows))
    _sizes(printer, reading)
    _ages(printer, reading)
    if reading.instances:
        printer.heading("instances")
        printer.table(Table(WORKER_COLUMNS, worker_rows(reading.instances)))


def _sizes(printer: Printer, reading: Info) -> None:
    printer.heading("sizes")
    columns = (
        Column("RELATION", whole=True),
        *(Column(title, right=True) for title in ("TOTAL", "TABLE", "INDEXES", "ROWS")),
    )
    rows = [
        [
            one.name,
            bytes_(one.total_bytes),
            bytes_(one.table_bytes),
            bytes_(one.index_bytes),
            "-" if one.rows is None else f"~{one.rows:,}",
        ]
        for one in reading.sizes
    ]
    printer.table(Table(columns, rows))


def _ages(printer: Printer, reading: Info) -> None:
    printer.heading("background duties")
    rows = [
        [
            one.name,
            "not recorded here" if not one.known else since(one.age_seconds) if one.at else "never",
            timestamp(one.at),
        ]
        for one in reading.ages
    ]
    printer.table(Table((Column("DUTY", whole=True), Column("AGE", right=True), Column("LAST")), rows))


def histogram(printer: Printer, overview: QueueOverview) -> None:
    """A bar per queue, divided by state, with the counts beside it and a legend below."""
    if not overview.queues:
        talk.say("note: there are no queues in this schema")
        return
    glyphs = GLYPHS if printer.can_draw("".join(GLYPHS.values())) else LETTERS
    names = max(len(queue.name) for queue in overview.queues)
    width = max(10, min(BAR, printer.width - names - 60)) if printer.terminal else BAR
    columns = (
        Column("QUEUE", least=20),
        Column("STATES", whole=True),
        Column("JOBS", right=True),
        *(Column(state.upper(), right=True, rank=rank) for state, rank in zip(STATES, RANKS, strict=True)),
    )
    printer.table(Table(columns, [_histogram_row(queue, glyphs, width) for queue in overview.queues]))
    legend = (f"{printer.paint(glyphs[state], STATE_STYLES[state])} {state}" for state in STATES)
    printer.text("\n" + "   ".join(legend) + "\n")


def _histogram_row(queue: Queue, glyphs: dict[str, str], width: int) -> list[Cell | str]:
    counts = [queue.counts[state] for state in STATES]
    values = [one.value or 0 for one in counts]
    cells = split_width(values, width)
    bar = Cell.of((glyphs[state] * size, STATE_STYLES[state]) for state, size in zip(STATES, cells, strict=True))
    return [queue.name, bar, f"{sum(values):,}", *(number(one) for one in counts)]
