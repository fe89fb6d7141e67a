"""Bugs of pg-boss releases that run work twice or lose it, and which releases have them."""

from __future__ import annotations

from dataclasses import dataclass

Release = tuple[int, ...]


@dataclass(frozen=True)
class Bug:
    """A bug that a release brought and a later one fixed. `effect` is `duplicate` or `loss`."""

    name: str
    effect: str
    told: str
    first: str
    last: str
    fixed: str

    def affects(self, release: str) -> bool:
        """Whether this release has it."""
        return parse(self.first) <= parse(release) <= parse(self.last)

    def overlap(self, first: str, last: str) -> str | None:
        """`all`, `some` or None of the releases from `first` to `last` have it."""
        if parse(last) < parse(self.first) or parse(first) > parse(self.last):
            return None
        return "all" if parse(self.first) <= parse(first) and parse(last) <= parse(self.last) else "some"


def parse(release: str) -> Release:
    """`12.9.0` as numbers; what follows a dash (a pre-release) is not looked at, and what is no number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in release.partition("-")[0].split("."))


BUGS: tuple[Bug, ...] = (
    Bug("cron-slot-sent-twice", "duplicate", "one cron slot is sent twice (DUP01)", "10.0.0", "10.0.6", "10.1.0"),
    Bug("cron-slot-sent-twice-again", "duplicate", "one cron slot is sent twice (DUP01)", "11.0.0", "11.0.2", "11.0.3"),
    Bug(
        "expiry-timer-overflow",
        "duplicate",
        "an expiry over 24.8 days fails a job at once, so it runs up to its retry limit within seconds (DUP02)",
        "8.0.0",
        "9.0.3",
        "10.0.0",
    ),
    Bug(
        "stale-settle",
        "duplicate",
        "a late complete() or fail() of an expired attempt lands on the one that runs now, and fail() starts a third",
        "8.0.0",
        "12.34.0",
        "12.35.0",
    ),
    Bug(
        "completion-not-awaited",
        "duplicate",
        "a failing complete() is an unhandled rejection that can end the process after the work was done",
        "10.0.0",
        "10.4.2",
        "11.0.0",
    ),
    Bug(
        "policy-reset",
        "duplicate",
        "updateQueue() without a policy puts the queue back to standard",
        "10.0.0",
        "10.4.2",
        "11.0.0",
    ),
    Bug(
        "schedule-options-ignored",
        "duplicate",
        "a schedule's expiry and retention are ignored, so a long job runs again after 15 minutes",
        "10.0.0",
        "10.4.2",
        "11.0.0",
    ),
    Bug(
        "cron-wrong-minute",
        "duplicate",
        "a clock that jumps files a cron occurrence in the wrong minute, so it runs again in the right one",
        "10.1.0",
        "12.33.6",
        "12.33.7",
    ),
    Bug(
        "send-dropped",
        "loss",
        "send() to a queue that does not exist drops the job silently",
        "10.0.0",
        "10.4.2",
        "11.0.0",
    ),
    Bug(
        "retried-then-removed",
        "loss",
        "retry() leaves completed_on set, so maintenance can remove the job before it runs",
        "10.3.0",
        "12.25.1",
        "12.26.0",
    ),
    Bug(
        "keyed-schedules-collapse",
        "loss",
        "several schedules of one queue become one job a minute",
        "11.0.3",
        "11.1.0",
        "11.1.1",
    ),
    Bug(
        "redrive-loses-job",
        "loss",
        "redrive() loses the job when its policy's slot is taken",
        "12.23.0",
        "12.34.0",
        "12.35.0",
    ),
)
