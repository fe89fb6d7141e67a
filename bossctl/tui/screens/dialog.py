"""What dialogs that change something have in common: where, a message, and one deed at a time."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, ClassVar, Generic, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.widgets import Static

from bossctl.errors import BossctlError
from bossctl.format import clean
from bossctl.tui import plans
from bossctl.tui.desk import Desk
from bossctl.tui.pacing import PacedDialog

R = TypeVar("R")


class ChangeDialog(PacedDialog[R | None], Generic[R]):
    """Dismissed with what was done, or None.

    A deed under way is not tied to the dialog: closing it lets the deed go on, and its outcome comes as a toast.
    A subclass composes a `#message` and says how an outcome is told and whether it ends the dialog.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", show=False),
        Binding("ctrl+s", "statements", "Statements", show=False),
        Binding("ctrl+c", "interrupt", "Quit", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._doing = ""
        self._left = False
        self._said = ("", "")

    def on_mount(self) -> None:
        """Begin, unless the app ended before there was anything to show."""
        if self.query("#close"):
            self.begin()

    # --- what a subclass gives

    def begin(self) -> None:
        """Read how things are."""
        raise NotImplementedError

    def told(self, result: R) -> str:
        """An outcome in one sentence."""
        raise NotImplementedError

    def settled(self, result: R) -> bool:
        """Whether the outcome is what was wanted, so that the dialog can close."""
        raise NotImplementedError

    def failed(self, sentence: str) -> None:
        """Show how things stand after a deed that was not done, or whose end is not known."""

    def action_statements(self) -> None:
        """Show the statements, or hide them."""

    # --- a deed

    @property
    def doing(self) -> bool:
        """Whether a deed is under way."""
        return bool(self._doing)

    def carry_out(self, deed: Coroutine[Any, Any, R], *, doing: str, whether: str) -> None:
        """Do it; `doing` names it while it lasts, `whether` what is not known when its end is lost."""
        self._doing = doing
        self._desk.writing.append(doing)
        self.say(f"{doing} …")
        self.app.run_worker(self._finish(deed, self.app, doing, whether), group="changes")

    async def _finish(self, deed: Coroutine[Any, Any, R], app: App[Any], doing: str, whether: str) -> None:
        try:
            result = await deed
        except BossctlError as error:
            self._ended(app, plans.failure(error, writing=whether), well=False)
            return
        finally:
            self._desk.writing.remove(doing)
        well = self.settled(result)
        if well and self.is_current and not self._left:
            self.dismiss(result)
        else:
            self._ended(app, self.told(result), well=well)

    def _ended(self, app: App[Any], sentence: str, *, well: bool) -> None:
        """Tell it here, or as a toast when nobody looks here any more."""
        self._doing = ""
        if self._left or well:
            app.notify(clean(sentence), severity="information" if well else "error", markup=False)
        if not self._left:
            self.say(sentence, "" if well else "error")
            self.failed(sentence)

    # --- the frame

    def say(self, sentence: str, tone: str = "") -> None:
        """Put a sentence into the message line; `tone` is `error` for what hinders."""
        if (sentence, tone) == self._said:
            return
        try:
            message = self.query_one("#message", Static)
        except NoMatches:
            return
        self._said = sentence, tone
        message.update(Content(clean(sentence)))
        message.display = bool(sentence)
        message.set_class(tone == "error", "-error")

    async def action_interrupt(self) -> None:
        """As everywhere: leave the app, which asks twice while something is being written."""
        await self.app.action_quit()

    def action_close(self) -> None:
        """Nothing is changed, unless a deed is under way: that goes on."""
        self._left = True
        if self._doing:
            self.app.notify(clean(f"{self._doing}: it goes on, its outcome will be told"), markup=False)
        self.dismiss(None)
