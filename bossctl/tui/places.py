"""Where one can be: a screen and what it is about. Links, `Esc` and the `:` line all name places."""

from __future__ import annotations

from dataclasses import dataclass

from textual.message import Message


@dataclass(frozen=True)
class QueuesPlace:
    """All queues."""


@dataclass(frozen=True)
class QueuePlace:
    """One queue."""

    name: str


@dataclass(frozen=True)
class JobsPlace:
    """Jobs, by an expression of the selection language; empty for all."""

    selection: str = ""


@dataclass(frozen=True)
class JobPlace:
    """One job. `queue` and `archived` choose among rows with the same id; None takes the first."""

    id: str
    queue: str | None = None
    archived: bool | None = None


@dataclass(frozen=True)
class FindingsPlace:
    """What doctor found."""


@dataclass(frozen=True)
class SchedulesPlace:
    """Schedules and their slots."""


@dataclass(frozen=True)
class WorkersPlace:
    """Who works the queues."""


@dataclass(frozen=True)
class SystemPlace:
    """How the schema is kept."""


@dataclass(frozen=True)
class LogPlace:
    """The operator's own actions."""


Place = (
    QueuesPlace
    | QueuePlace
    | JobsPlace
    | JobPlace
    | FindingsPlace
    | SchedulesPlace
    | WorkersPlace
    | SystemPlace
    | LogPlace
)


class Visit(Message):
    """The user wants to go to another place; the app brings them there, and does `then` (an action) on arrival."""

    def __init__(self, place: Place, then: str = "") -> None:
        super().__init__()
        self.place = place
        self.then = then
