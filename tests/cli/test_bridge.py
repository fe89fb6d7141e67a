"""Signals while something is awaited."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from bossctl.cli import bridge


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_cancel_the_work_and_become_keyboard_interrupt(number: signal.Signals) -> None:
    ended: list[str] = []

    async def work() -> None:
        os.kill(os.getpid(), number)
        try:
            await asyncio.sleep(30)
        finally:
            ended.append("cleaned up")

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        bridge.run(work())
    assert ended == ["cleaned up"]
    assert signal.getsignal(number) == before


def test_results_and_errors_pass() -> None:
    async def work(value: int) -> int:
        if value < 0:
            raise ValueError(value)
        return value

    assert bridge.run(work(3)) == 3
    with pytest.raises(ValueError, match="-1"):
        bridge.run(work(-1))
