"""Files of queues, for comparing with what the database has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from bossctl.errors import UsageError
from bossctl.files import read_whole
from bossctl.models.operations import QueueSpec
from bossctl.models.queuefile import load


async def read_queue_file(path: str) -> tuple[str, Mapping[str, QueueSpec]]:
    """The file's name and what it asks for each queue. Raises UsageError for one that cannot be read."""
    file = Path(path)
    try:
        content = await asyncio.to_thread(_read, file)
    except (OSError, RuntimeError) as error:
        raise UsageError(f"{file.name} cannot be read: {error}") from None
    return file.name, {one.name: one for one in load(content, file.name)}


def _read(file: Path) -> bytes:
    return read_whole(file.expanduser())
