"""How long an answer is waited for: the server's own timeouts say nothing when its answers do not arrive."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import psycopg

from bossctl.errors import Unreachable
from bossctl.models.common import Target

if TYPE_CHECKING:
    from psycopg import AsyncConnection
    from psycopg.rows import DictRow

GRACE_SECONDS = 10.0
"""On top of the statement timeout, which the server keeps: the way there and back, and a big answer's."""

QUICK_SECONDS = 5.0
"""For what takes the server no time at all."""


@contextmanager
def answered(connection: AsyncConnection[DictRow], seconds: float, target: Target | None = None) -> Iterator[None]:
    """Give the connection up when the block is not done by then. Raises Unreachable.

    The socket is shut down under the driver, which then fails as with any lost connection; to cancel it instead would
    ask the same silent server again.
    """
    late = False

    def give_up() -> None:
        nonlocal late
        late = True
        _shut_down(connection)

    timer = asyncio.get_running_loop().call_later(seconds, give_up)
    try:
        yield
    except psycopg.Error:
        if late:
            where = f" ({target})" if target else ""
            raise Unreachable(
                f"the database has not answered for {seconds:g} s{where}: the connection was given up",
                "check the network between here and the server, then run it again",
            ) from None
        raise
    finally:
        timer.cancel()


def _shut_down(connection: AsyncConnection[DictRow]) -> None:
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as copy:
        copy.shutdown(socket.SHUT_RDWR)
