"""When to take a reading again: never two at once, dear ones less often, after a failure with a growing pause."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Generic, TypeVar

from bossctl.errors import BossctlError, LockTimeout, StatementTimeout, Unreachable

if TYPE_CHECKING:
    from bossctl.models.statements import Statement

SHARE, DEAR_SHARE = 200, 500
"""A reading may take one part in so many of the time; dear ones less, so that a screen stays under 1 % of a core."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds until a failed reading is tried again; the pause doubles each time."""
SLOW = 3.0
"""From so many seconds on a cheap reading that is under way is worth a word."""

T = TypeVar("T")


class Poll(Generic[T]):
    """One reading that is taken again and again.

    `read` is asked whenever the screen finds it `due` and calls `take`. An `interval` that is a function is asked each
    time, so that it can change, as `Desk.interval` does. `cost` says what a reading cost the
    database, in milliseconds, where that is known. The first of a `cheap` one does not count: caches are cold then.
    The last good `value` is kept through failures; `statements` are what the last reading ran.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        *,
        interval: float | Callable[[], float],
        cost: Callable[[T], float] | None = None,
        cheap: bool = True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._interval = interval
        self.value: T | None = None
        self.error: BossctlError | None = None
        self.busy = False
        self.cheap = cheap
        self.statements: Sequence[Statement] = ()
        self.next_at = float("-inf")
        self._read = read
        self._cost = cost
        self._clock = clock
        self._costs: deque[float] = deque(maxlen=3)
        self._cold = 1 if cheap else 0
        self._share = SHARE if cheap else DEAR_SHARE
        self._failures = 0
        self._begun_at: float | None = None
        self._hurried = False
        self._taken_at: float | None = None

    @property
    def interval(self) -> float:
        """Seconds between cheap readings, as things are."""
        return self._interval() if callable(self._interval) else self._interval

    @interval.setter
    def interval(self, interval: float) -> None:
        self._interval = interval

    @property
    def due(self) -> bool:
        """Whether it is time, and none is under way."""
        return self.ready(1.0)

    def ready(self, slower: float) -> bool:
        """Whether it is due when pauses last so many times as long."""
        return not self.busy and self._clock() >= self.next_at + (slower - 1.0) * self.pause

    @property
    def asked_for(self) -> bool:
        """Whether it is due because somebody asked for it, not because time has passed."""
        return not self.busy and self.next_at == float("-inf")

    @property
    def age(self) -> float | None:
        """Seconds since the last good reading; None before the first."""
        return None if self._taken_at is None else self._clock() - self._taken_at

    @property
    def slow(self) -> float | None:
        """Seconds a reading has been under way that should long be back; None while all is well."""
        if not self.busy or not self.cheap or self._begun_at is None:
            return None
        under_way = self._clock() - self._begun_at
        return under_way if under_way >= SLOW else None

    @property
    def lost(self) -> bool:
        """Whether the last reading did not reach the database."""
        return isinstance(self.error, Unreachable) and not isinstance(self.error, StatementTimeout)

    @property
    def wait(self) -> float:
        """Seconds until it is due."""
        return max(0.0, self.next_at - self._clock())

    @property
    def cost_ms(self) -> float | None:
        """What the last reading cost the database."""
        return self._costs[-1] if self._costs else None

    @property
    def pause(self) -> float:
        """Seconds between readings as things are: the interval, or more when a reading is dear.

        The cheapest of the last few counts, so that one hiccup does not silence it.
        """
        cost = min(self._costs) if len(self._costs) > self._cold else 0.0
        return max(self.interval, self._share * cost / 1000)

    def replan(self) -> None:
        """Let an interval that was changed hold at once."""
        if self._taken_at is not None and self.error is None and not self.asked_for:
            self._rest(self.pause - (self._clock() - self._taken_at))

    def hurry(self) -> None:
        """Make it due now, or as soon as the one under way is done."""
        self.next_at = float("-inf")
        self._hurried = self.busy

    def take(self) -> Awaitable[bool]:
        """Read once; whether `value` is new. Errors of the database are kept in `error`, others are raised.

        It counts as busy from this call on, before the first step of what it returns.
        """
        self.busy, self._hurried, self._begun_at = True, False, self._clock()
        return self._take()

    async def _take(self) -> bool:
        started = self._clock()
        try:
            value = await self._read()
        except BossctlError as error:
            self._failed(error, self._clock() - started)
            return False
        finally:
            self.busy = False
        self._succeeded(value)
        return True

    def _succeeded(self, value: T) -> None:
        self.value, self.error, self._failures = value, None, 0
        self._taken_at = self._clock()
        if self._cost is not None:
            self._costs.append(self._cost(value))
        self._rest(self.pause)

    def _failed(self, error: BossctlError, seconds: float) -> None:
        self.error = error
        self._failures += 1
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 1))
        # A statement that ran into its limit did cost the server something; a refused connection, or a lock, did not.
        dear = isinstance(error, StatementTimeout) and not isinstance(error, LockTimeout)
        self._rest(max(pause, self._share * seconds) if dear else pause)

    def _rest(self, seconds: float) -> None:
        if not self._hurried:
            self.next_at = self._clock() + seconds
