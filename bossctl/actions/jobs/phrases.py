"""Words that several kinds of action say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bossctl.format import clean
from bossctl.models.jobactions import ActionRequest


def jobs(count: int) -> str:
    """A number of jobs."""
    return f"{count:,} job{'' if count == 1 else 's'}"


def due(request: ActionRequest) -> str:
    """When the jobs become due that are wanted at once."""
    return "due at once" if request.spread_seconds is None else "due from now on"


def rescued(doomed: int) -> Iterable[str]:
    """About jobs whose keep_until is past."""
    if doomed:
        yield f"keep_until is moved: maintenance would remove {jobs(doomed)} before they run"


def and_list(names: Sequence[str], shown: int = 3) -> str:
    """Names of queues in a sentence."""
    listed = ", ".join(f'"{clean(name)}"' for name in names[:shown])
    return listed if len(names) <= shown else f"{listed} and {len(names) - shown} more"
