"""What an action on jobs may be told beside which jobs: fields, read as one types."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from bossctl.errors import UsageError
from bossctl.format import clean, parse_duration
from bossctl.models.jobactions import ActionRequest, JobAction
from bossctl.models.jobwords import SPREADABLE


@dataclass(frozen=True)
class Field:
    """`read` turns its text into options of the request; `needed` says that the action cannot do without."""

    name: str
    read: Callable[[str], Mapping[str, Any]]
    example: str
    about: str = ""
    needed: bool = False


def _when(text: str) -> Mapping[str, Any]:
    if text == "now":
        return {"now": True}
    if len(text) < len("2026-01-31"):
        return {"by_seconds": parse_duration(text)}
    try:
        moment = datetime.fromisoformat(text)
        return {"until": moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)}
    except (ValueError, OverflowError):
        return {"by_seconds": parse_duration(text)}


def _limit(text: str) -> Mapping[str, Any]:
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 10**12):
        raise UsageError(f'"{text}" is not a number of jobs')
    return {"limit": int(text)}


DUE = Field("due", _when, "now or 2h", "now, so much later (2h), or at a time (2026-01-31T08:00, UTC)", needed=True)
TO = Field("to", lambda text: {"to_queue": text}, "a queue", "empty: the queue each came from")
KEEP = Field("keep", lambda text: {"keep_seconds": parse_duration(text)}, "such as 1d", "longer life, where it is over")
SPREAD = Field("spread", lambda text: {"spread_seconds": parse_duration(text)}, "such as 10m")
LIMIT = Field("limit", _limit, "all")

_OWN: Mapping[JobAction, Field] = {JobAction.DEFER: DUE, JobAction.REDRIVE: TO, JobAction.RESTORE: KEEP}


def fields_of(action: JobAction) -> Sequence[Sequence[Field]]:
    """The fields of an action, by lines."""
    if action is JobAction.UNDO:
        return ()
    own = [[_OWN[action]]] if action in _OWN else []
    return (*own, [LIMIT, SPREAD] if action in SPREADABLE else [LIMIT])


class FieldLine(Horizontal):
    """Fields side by side; a lone one has its explanation beside it."""

    DEFAULT_CSS = """
    FieldLine {
        height: 1;
        & .lead { width: auto; padding: 0 1 0 0; color: $text-muted; }
        & Input { width: 22; margin: 0 2 0 0; }
        & .about { width: 1fr; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    }
    """

    def __init__(self, fields: Sequence[Field], given: Mapping[str, str], queues: Sequence[str]) -> None:
        super().__init__()
        self.fields = fields
        known = [name for name in queues if name == clean(name)]
        # Held here: a plan is made anew after a failure, also while the dialog and its widgets go.
        self._entries = {field.name: _entry(field, given.get(field.name, ""), known) for field in fields}

    def compose(self) -> ComposeResult:
        """Name and entry of each."""
        for field in self.fields:
            yield Static(field.name, classes="lead", markup=False)
            yield self.entry(field)
        yield Static(self.fields[0].about if len(self.fields) == 1 else "", classes="about", markup=False)

    def entry(self, field: Field) -> Input:
        """Where it is typed."""
        return self._entries[field.name]

    def read(self, request: ActionRequest) -> ActionRequest:
        """The request with what was typed. Raises UsageError naming the field."""
        for field in self.fields:
            text = self.entry(field).value.strip()
            try:
                request = replace(request, **field.read(text)) if text else request
            except UsageError as error:
                raise UsageError(f"{field.name}: {error}", error.hint) from None
        return request

    @property
    def missing(self) -> Field | None:
        """A field that must be filled and is not."""
        return next((one for one in self.fields if one.needed and not self.entry(one).value.strip()), None)


def _entry(field: Field, given: str, queues: Sequence[str]) -> Input:
    return Input(
        given,
        id=f"field-{field.name}",
        placeholder=field.example,
        compact=True,
        suggester=SuggestFromList(queues) if field is TO else None,
    )
