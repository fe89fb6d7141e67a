"""From synchronous commands into the event loop and back, with the store opened and closed on the way."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from bossctl.cli.settings import Settings

if TYPE_CHECKING:
    from bossctl.store import Store

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end. SIGINT and SIGTERM cancel it, which ends its transaction, and raise KeyboardInterrupt."""

    async def guarded() -> T:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("no running task")
        terminated = False

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            task.cancel()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, terminate)
        try:
            return await work
        except asyncio.CancelledError:
            if terminated:
                raise KeyboardInterrupt from None
            raise
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    return asyncio.run(guarded())


@contextmanager
def stopping() -> Iterator[asyncio.Event]:
    """An event that the first SIGINT or SIGTERM sets; the next one interrupts. For work that ends well when told."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()

    hurried = False

    def asked() -> None:
        nonlocal hurried
        if stop.is_set() and task is not None:
            hurried = True
            task.cancel()
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked)
    try:
        yield stop
    except asyncio.CancelledError:
        if hurried:
            raise KeyboardInterrupt from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def read(settings: Settings, work: Callable[[Store], Awaitable[T]]) -> T:
    """Open the store, let `work` read, close it, return what was read."""

    async def opened() -> T:
        spec = settings.spec()
        from bossctl.store import Store

        async with await Store.open(spec) as store:
            return await work(store)

    return run(opened())
