"""The embedded playground: PostgreSQL and Node from wheels, and a real pg-boss from npm.

Nothing here runs inside another server or uses a system PostgreSQL or Node: `server` starts PostgreSQL in a private
directory, `node` installs pg-boss into a cache, `run` opens a shop on both, and all of it leaves nothing running when
the process that asked for it ends, however it ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bossctl.config import ConnectionSpec


def run_demo(
    *, once: bool, no_tui: bool, tui: Callable[[ConnectionSpec], int], doctor: Callable[[str, str], int]
) -> int:
    """Build the playground, use it, take it away; the exit code.

    By default that of `tui(spec)`, called on the live schema. With `once`, `doctor(dsn, schema)` is called on the live
    and then on the recorded schema once there is something of everything, and the exit code is 0 whatever it returns.
    With `no_tui` the connection URL goes to stdout and the playground stays until Ctrl-C or TERM (exit code 0). Talk
    goes to stderr.

    Raises Unsupported without the extra `demo`, Unreachable when npm cannot get pg-boss, BossctlError when the
    playground ends by itself, KeyboardInterrupt when it is interrupted.
    """
    from bossctl.demo.run import run

    return run(once=once, no_tui=no_tui, tui=tui, doctor=doctor)
