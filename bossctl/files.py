"""Reading small files whole: one that never ends, such as /dev/zero, is refused and not waited for."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from bossctl.errors import UsageError

MOST_BYTES = 64 * 1024**2
"""More than any file has that people write, or that is written for them to read."""


def read_whole(path: Path) -> bytes:
    """A file's content. Raises OSError and ValueError as `open` does, UsageError where it is larger than MOST_BYTES."""
    with path.open("rb") as file:
        return read_stream(file, str(path))


def read_stream(file: BinaryIO, name: str) -> bytes:
    """The rest of an open file. Raises as `read_whole`."""
    content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise UsageError(f"{name} holds more than {MOST_BYTES // 1024**2} MB: that is no file for bossctl")
    return content
