"""Words that several kinds of action say."""

from __future__ import annotations


def jobs(count: int) -> str:
    """A number of jobs."""
    return f"{count:,} job{'' if count == 1 else 's'}"
