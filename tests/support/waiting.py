"""Waiting for something to become true, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from inspect import isawaitable
from typing import Any


async def eventually(check: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true value that `check()`, plain or async, returns; it is asked every 20 ms. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            value = check()
            if isawaitable(value):
                value = await value
            if value:
                return value
            await asyncio.sleep(0.02)
