"""What frames every screen: the header with target and status, and the banner when a reading failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from bossctl import format as fmt
from bossctl.errors import BossctlError
from bossctl.models.common import Target
from bossctl.tui.polling import Poll
from bossctl.tui.words import place

if TYPE_CHECKING:
    from bossctl.models.schema import Info

BADGE = " bossctl "
LEAST_ABOUT = 16
"""So many cells of the line about a screen are kept before the supervisor's age is."""
LEAST_HOST = 10
"""So many cells of host and database are kept before it is said who named them, half of it before the schema."""
_COST = re.compile(r"[^·]+ · (?=[^·]+ · [^·]+$)")
"""What a reading cost, in how it stands: `5ms · 1s ago · every 2s`."""
_PARTS = re.compile(r"(?= · |, |: | \()")
"""Where the line about a screen may end when there is no room for all of it."""


class Header(Widget):
    """Two lines: where we are connected and what runs there; the screen's title and how its reading stands.

    The `badge` beside the title says the worst that doctor found; a click on it leads there. `duty`, when pg-boss's
    supervisor was last seen, stands before the status where there is room.
    """

    ALLOW_SELECT = False
    target: reactive[Target | None] = reactive(None)
    info: reactive[Info | None] = reactive(None)
    title: reactive[str] = reactive("")
    subtitle: reactive[str] = reactive("")
    status: reactive[str] = reactive("")
    duty: reactive[tuple[str, ...]] = reactive(())
    badge: reactive[Content] = reactive(Content(""))

    def render(self) -> Content:
        """Both lines; what does not fit is left out by whole parts, on the left side's end."""
        width, mark = self.size.width, _mark(self.target)
        room = width - len(BADGE) - mark.cell_length - 3
        standby = self.info is not None and self.info.server.standby
        needed = fmt.cell_width(_where(self.target, 1000, standby=standby))
        right = _fitting(_server(self.info), room - min(needed, room * 2 // 3))
        where = _where(self.target, room - len(right), standby=standby)
        first = Content(BADGE).stylize("bold $text-primary on $primary-muted") + mark + Content(" " + where)
        badge, status = self._second()
        title = self._title + (badge + "  " if badge else "")
        room = width - title.cell_length - 3 - fmt.cell_width(status)
        second = title + Content(" " + whole_parts(fmt.clean(self.subtitle), max(0, room))).stylize("$text-muted")
        return Content("\n").join([_spread(first, right, width), _spread(second, status, width)])

    def _second(self) -> tuple[Content, str]:
        """Badge and status as long as they may be beside the whole subtitle, or what matters most of it.

        First the supervisor's age gives way, then what the reading cost, and last what the subtitle begins with.
        """
        duties = [f"{duty} · {self.status}" for duty in self.duty] or [self.status]
        brief = _brief(self.badge)
        told = [(self.badge, duty) for duty in duties] + [(brief, duties[-1]), (brief, self.status)]
        cheap = _COST.sub("", self.status)
        room = self.size.width - self._title.cell_length - 5
        subtitle = fmt.clean(self.subtitle)
        parts = _PARTS.split(subtitle)
        about, first, two = (fmt.cell_width("".join(parts[:many])) for many in (len(parts), 1, 2))
        some, few = told[len(duties) :], [(brief, self.status), (brief, cheap)]
        tries = ((about, told), (two, some), (max(first, LEAST_ABOUT), some), (first, few))
        for least, forms in tries:
            for badge, status in forms:
                # Two blanks before an age, or it reads as the end of the sentence.
                apart = status not in (self.status, cheap)
                if badge.cell_length + fmt.cell_width(status) + min(least, about) + apart <= room:
                    return badge, status
        return brief, cheap

    @property
    def _title(self) -> Content:
        return Content(f" {fmt.clean(self.title)} ").stylize("bold $frame-title") + (" " if self.badge else "")

    async def on_click(self, event: events.Click) -> None:
        """The badge leads to the findings."""
        if event.y == 1 and 0 <= event.x - self._title.cell_length < self._second()[0].cell_length:
            await self.run_action("app.go_findings")


def _mark(target: Target | None) -> Content:
    """The name of a context that has a colour, in capitals: it stands out without colour, too."""
    if target is None or target.color is None or target.context is None:
        return Content("")
    return Content(f" {fmt.clean(target.context).upper()} ").stylize("bold reverse")


def _brief(badge: Content) -> Content:
    """Sign and number alone; with a word where nobody would guess of what."""
    words = 3 if badge.plain.startswith(fmt.UNKNOWN) else 2
    return badge[: len(" ".join(badge.plain.split(" ")[:words]))]


def whole_parts(text: str, room: int) -> str:
    """As many parts of a line as there is room for; only the first is cut within itself, at a blank if it has any."""
    first, *rest = _PARTS.split(text)
    for part in rest:
        if fmt.cell_width(first + part) > room:
            break
        first += part
    cut = fmt.truncate(first, room)
    if cut == first or " " not in first:
        return cut
    words = cut.rpartition(" ")[0]
    return f"{words} {fmt.ELLIPSIS}" if words else ""


def _spread(left: Content, right: str, width: int) -> Content:
    gap = width - left.cell_length - fmt.cell_width(right) - 1
    return left + Content(" " * max(1, gap)) + Content(right).stylize("$text-muted") + " "


def _fitting(texts: Sequence[str], room: int) -> str:
    """The first, longest text that fits; the last when none does."""
    return next((text for text in texts if fmt.cell_width(text) <= room), texts[-1])


def _server(info: Info | None) -> tuple[str, ...]:
    if info is None:
        return ("",)
    releases = info.pgboss.releases or f"{info.pgboss.generation}?"
    number = info.pgboss.schema_number
    schema = "schema ?" if number is None else f"schema {number}"
    version = info.server.version
    return (
        f"pg-boss {releases} · {schema} · generation {info.pgboss.generation} · PostgreSQL {version}",
        f"pg-boss {releases} · {schema} · PostgreSQL {version}",
        f"pg-boss {releases} · PostgreSQL {version}",
        f"pg-boss {releases} · PG {version}",
        f"pg-boss {releases}",
    )


def _where(target: Target | None, room: int, *, standby: bool) -> str:
    """`host:port/database · schema pgboss (from --dsn)`; the host is cut first, then it is not said who named it."""
    if target is None:
        return fmt.truncate("connecting …", room)
    origin = target.source if target.context is None else f"context {target.context}"
    access = ("standby",) if standby else ("read-only",) if target.read_only else ()
    host, schema = place(target), f" · schema {target.schema}"
    tails = [fmt.clean(f"{schema} ({', '.join(told)})" if told else schema) for told in ((origin, *access), access)]
    tail = _fitting(tails, room - min(fmt.cell_width(host), LEAST_HOST))
    left = room - fmt.cell_width(tail)
    if fmt.cell_width(host) > left:
        host = fmt.ELLIPSIS + host[len(host) + 1 - max(left, LEAST_HOST // 2) :]
    return fmt.truncate(host + tail, room)


class Banner(Static):
    """Says that a reading failed, how old what is shown is, and when the next try comes; hidden while all is well."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(markup=False)
        self.display = False
        self._text = ""

    def tell(self, poll: Poll[Any] | None, *, header: Poll[Any] | None = None) -> None:
        """Show how `poll` failed, or that it takes long; None hides the banner. `header` is what the header shows."""
        text = "" if poll is None else f"{_worry(poll)} {_stands(poll)}".strip()
        text = f"For the header: {text}" if text and poll is header else text
        if text != self._text:
            self._text = text
            self.display = bool(text)
            self.update(Content(text))


def _worry(poll: Poll[object]) -> str:
    if poll.error is not None:
        return _first(poll.error)
    return f"The database is slow: no answer for {fmt.duration(poll.slow or 0)}."


def _first(error: BossctlError) -> str:
    hint = f" ({error.hint})" if error.hint else ""
    return fmt.clean(f"{error}{hint}.")


def _stands(poll: Poll[object]) -> str:
    if poll.error is None:
        again = ""
    elif poll.busy or poll.wait <= 0:
        again = "Trying again now."
    else:
        again = f"Next try in {fmt.duration(poll.wait + 0.99)}."
    return f"Nothing read yet. {again}" if poll.age is None else f"Shown: {fmt.age(poll.age)} old. {again}"
