"""`bossctl demo`: a private PostgreSQL with a shop on a real pg-boss, and a recorded history of an older pg-boss.

The schema `pgboss` is worked by node processes (see `shop/`), `pgboss_v10` holds what pg-boss 10.0.6 left behind. All
of it ends with the process that asked for it, however that ends: the server's reaper and node both watch their input.
"""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bossctl.config import STATEMENT_TIMEOUT, ConnectionSpec
from bossctl.demo.binaries import find_binaries
from bossctl.demo.cache import built, cache_root
from bossctl.demo.node import PROJECT_FILES, find_node, install
from bossctl.demo.server import running_server
from bossctl.errors import BossctlError

LIVE_SCHEMA = "pgboss"
RECORDED_SCHEMA = "pgboss_v10"
RELEASE = "12.38.0"
RECORDED_RELEASE = "10.0.6"
DOWNLOAD = "4 MB"
SHOP = Path(__file__).with_name("shop")
PACKAGES = Path(__file__).with_name("pgboss")
STOP_SECONDS = 5.0
SOURCE = "bossctl demo"


@dataclass(frozen=True)
class Playground:
    """A playground that runs: `dsn` opens its database, `process` is the node process at work in it."""

    dsn: str
    process: subprocess.Popen[str] = field(repr=False)
    log: Path

    def wait_for(self, stage: str) -> tuple[str, ...]:
        """Wait until `started` or `complete`; what is not to be seen yet in spite of it.

        Raises BossctlError when the node process ends before.
        """
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            if "error" in answer:
                raise self.failure(answer["error"])
            if answer["stage"] == stage:
                return tuple(answer.get("missing", ()))
        raise self.failure(self._end_of_log())

    def wait_for_end(self) -> NoReturn:
        """Wait until something interrupts us. Raises BossctlError when the node process ends before."""
        self.process.wait()
        raise self.failure(self._end_of_log())

    def failure(self, reason: str) -> BossctlError:
        """The error that says why the node process ended."""
        return BossctlError(f"The playground's pg-boss ended: {reason.rstrip('.')}.")

    def _end_of_log(self) -> str:
        lines = [line.strip() for line in self.log.read_text(errors="replace").splitlines()]
        last = next((line for line in reversed(lines) if line), f"it left exit code {self.process.wait()}")
        return next((line for line in reversed(lines) if "Error" in line), last)


def run(*, once: bool, no_tui: bool, tui: Callable[[ConnectionSpec], int], doctor: Callable[[str, str], int]) -> int:
    """See `bossctl.demo.run_demo`."""
    with _interrupted_by_signals(), running_playground() as playground:
        if once:
            return _examine(playground, doctor)
        if no_tui:
            return _wait(playground)
        return tui(_spec(playground))


@contextmanager
def running_playground() -> Iterator[Playground]:
    """A playground for the length of a `with` block, from the moment its shop is open.

    Raises Unsupported without the extra `demo`, Unreachable when npm cannot get pg-boss, BossctlError when it does not
    start.
    """
    find_node()
    find_binaries()
    packages = _packages()
    major, minor, *_ = find_binaries().version.split(".")
    say(f"starting PostgreSQL {major}.{minor} …")
    with running_server() as server:
        say(f"starting pg-boss {RELEASE} with producers and workers, loading a history of {RECORDED_RELEASE} …")
        log = server.socket_dir / "pgboss.log"
        with _running_shop(server.dsn(), packages, log) as process:
            playground = Playground(server.dsn(), process, log)
            playground.wait_for("started")
            yield playground


def say(text: str) -> None:
    """Tell the person at the terminal, who waits, what is going on."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _examine(playground: Playground, doctor: Callable[[str, str], int]) -> int:
    say("waiting for jobs in every state, a failure of every kind …")
    missing = playground.wait_for("complete")
    if missing:
        say(f"not to be seen yet: {', '.join(missing)}")
    for schema, what in ((LIVE_SCHEMA, f"live, {RELEASE}"), (RECORDED_SCHEMA, f"recorded, {RECORDED_RELEASE}")):
        say(f"\ndoctor on the schema {schema} ({what}):")
        doctor(playground.dsn, schema)
        sys.stdout.flush()
    return 0


def _wait(playground: Playground) -> int:
    sys.stdout.write(f"{playground.dsn}\n")
    sys.stdout.flush()
    say(f"schemas: {LIVE_SCHEMA} (live, {RELEASE}), {RECORDED_SCHEMA} (recorded, {RECORDED_RELEASE})")
    say("Ctrl-C stops and removes it all.")
    try:
        playground.wait_for_end()
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be what we lost
            say("\nstopping …")
        return 0


def _spec(playground: Playground) -> ConnectionSpec:
    return ConnectionSpec(
        dsn=playground.dsn,
        schema=LIVE_SCHEMA,
        source=SOURCE,
        schema_source=SOURCE,
        context=None,
        read_only=False,
        statement_timeout=STATEMENT_TIMEOUT,
    )


def _packages() -> Path:
    """The directory with both releases of pg-boss, got from npm at the first call."""
    content = b"".join((PACKAGES / name).read_bytes() for name in PROJECT_FILES)
    target = cache_root() / f"playground-{hashlib.sha256(content).hexdigest()[:12]}"

    def download(into: Path) -> None:
        releases = f"{RELEASE} and {RECORDED_RELEASE}"
        say(f"pg-boss {releases}: downloading {DOWNLOAD} from npm into {target.parent} (first time only) …")
        install(PACKAGES, into)

    return built(target, download)


@contextmanager
def _running_shop(dsn: str, packages: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    plan = {
        "connectionString": dsn,
        "packages": str(packages),
        "release": RELEASE,
        "live": LIVE_SCHEMA,
        "recorded": RECORDED_SCHEMA,
    }
    node = find_node()
    # Settings for the caller's own server or own node programs would reach this one too.
    environment = {
        name: value
        for name, value in node.environment().items()
        if not name.startswith("PG") and name not in ("NODE_OPTIONS", "NODE_PATH")
    }
    with log.open("w") as errors:
        process = subprocess.Popen(
            [node.program, SHOP / "main.mjs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
            text=True,
            start_new_session=True,
        )
    try:
        assert process.stdin is not None
        with suppress(BrokenPipeError):  # it has ended already: its log says why
            process.stdin.write(json.dumps(plan) + "\n")
            process.stdin.flush()
        yield process
    finally:
        _stop(process)


def _stop(process: subprocess.Popen[str]) -> None:
    """Close the process's input, which is its sign to end, and make sure that it did."""
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.close()
        process.wait(STOP_SECONDS)
    except (BrokenPipeError, subprocess.TimeoutExpired):
        process.kill()
        process.wait()
    process.stdout.close()


@contextmanager
def _interrupted_by_signals() -> Iterator[None]:
    """TERM and a lost terminal interrupt as Ctrl-C does, unless the caller had them ignored (nohup)."""
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, _interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
