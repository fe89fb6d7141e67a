"""The viewer for payloads and outputs: banner, lines, search."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from bossctl import format as fmt
from bossctl.models.common import Payload
from bossctl.tui.widgets.json_lines import JsonLines


class JsonView(Vertical):
    """Shows a `Payload`, pretty-printed digit for digit, however large it is.

    Enter or space folds, `/` searches, `n` and `N` go on; on a payload that was cut `F` asks the screen for all
    of it (`FullRequested`), which the screen answers with `show` of the whole.
    """

    DEFAULT_CSS = """
    JsonView {
        height: 1fr;
        & > .json-banner { height: auto; padding: 0 1; background: $warning 25%; color: $foreground; }
        & > .json-note { height: auto; padding: 0 2; color: $text-muted; }
        & > .json-status { height: 1; padding: 0 1; background: $panel; color: $foreground; }
        & > Input { height: 1; border: none; padding: 0 1; background: $panel; }
        & > Input:focus { border: none; }
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "open_search", "Search", show=False, id="json.search"),
        Binding("n", "search_on(True)", "Next match", show=False, id="json.next"),
        Binding("N", "search_on(False)", "Previous match", show=False, id="json.previous"),
        Binding("F", "ask_for_all", "Fetch all of it", show=False, id="json.full"),
        Binding("escape", "close_search", "Close the search", show=False, id="json.close-search"),
    ]

    class FullRequested(Message):
        """The user wants all of a payload of which only the beginning is shown."""

        def __init__(self, view: JsonView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> JsonView:
            """The sender."""
            return self.view

    def __init__(
        self,
        *,
        absent: str = "none",
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        """`absent` is the sentence for SQL NULL."""
        super().__init__(id=id, classes=classes)
        self._absent = absent
        self._payload: Payload | None = None
        self._query = ""

    def compose(self) -> ComposeResult:
        """Banner, note, lines, status, search field."""
        yield Static(classes="json-banner", markup=False)
        yield Static(classes="json-note", markup=False)
        yield JsonLines()
        yield Static(classes="json-status", markup=False)
        yield Input(placeholder="search", select_on_focus=True)

    def on_mount(self) -> None:
        """Nothing is known yet."""
        self._display()
        self.query_one(Input).display = False
        self.query_one(".json-status").display = False

    @property
    def lines(self) -> JsonLines:
        """The part that has the focus and the cursor."""
        return self.query_one(JsonLines)

    @property
    def payload(self) -> Payload | None:
        """What is shown; None before the first `show`."""
        return self._payload

    def show(self, payload: Payload) -> None:
        """Show a payload. The same one again changes nothing; more of the same keeps place and folds."""
        if payload != self._payload:
            self._payload = payload
            if self.is_mounted:
                self._display()

    def _display(self) -> None:
        payload = self._payload
        banner, note = self.query_one(".json-banner", Static), self.query_one(".json-note", Static)
        text = payload.text if payload is not None else None
        banner.display = payload is not None and payload.cut
        note.display = text is None
        self.lines.display = text is not None
        note.update(Content("reading …" if payload is None else self._absent))
        if payload is not None and text is not None:
            banner.update(Content(_cut_sentence(payload, text)))
            self.lines.load(text)

    def action_ask_for_all(self) -> None:
        """Ask the screen for the whole payload."""
        self.post_message(self.FullRequested(self))

    # --- searching

    def action_open_search(self) -> None:
        """Open the search field."""
        field = self.query_one(Input)
        self.query_one(".json-status").display = False
        field.display = True
        field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Start searching."""
        event.stop()
        self._query = event.value
        event.input.display = False
        self.lines.focus()
        self.lines.mark(self._query)
        if self._query:
            self.lines.search(self._query)
        else:
            self.query_one(".json-status").display = False

    def action_search_on(self, forward: bool) -> None:
        """Go to the next or previous match."""
        self.lines.search(self._query, forward=forward)

    def on_json_lines_searched(self, event: JsonLines.Searched) -> None:
        """Say how the search went."""
        event.stop()
        status = self.query_one(".json-status", Static)
        if not event.found:
            sentence = f"“{event.query}” is not in {'this part' if self._is_cut() else 'here'}"
        else:
            sentence = f"/{event.query}    n next, N previous{'    went round the end' if event.wrapped else ''}"
        status.update(Content(fmt.clean(sentence)))
        status.display = True

    def action_close_search(self) -> None:
        """Forget the search."""
        self._query = ""
        self.query_one(Input).display = False
        self.query_one(".json-status").display = False
        self.lines.mark("")
        self.lines.focus()

    def _is_cut(self) -> bool:
        return self._payload is not None and self._payload.cut

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that have nothing to do here are left to the screen."""
        if action == "ask_for_all":
            return self._is_cut()
        if action == "search_on":
            return bool(self._query)
        if action == "close_search":
            return bool(self._query) or self.query_one(Input).display
        return super().check_action(action, parameters)


def _cut_sentence(payload: Payload, text: str) -> str:
    shown = len(text.encode(errors="surrogatepass"))
    return f"first {fmt.size(shown)} of {fmt.size(payload.size_bytes)} — press F for all"
