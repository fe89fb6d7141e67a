"""The process that owns one PostgreSQL server and outlives the one that asked for it by just long enough to clean up.

Run as `python -I -S reaper.py`, in a session of its own, with the standard library alone. It reads one JSON object
(see `Plan`), makes the private directory, runs initdb if the data directory is empty, starts postgres as its own child
and answers `{"directory", "pid"}` or `{"error", "busy"}`. Each further line of input is an order: `start`, `stop` or
`kill`. The end of the input, which the kernel brings about whatever ends the parent, stops postgres and removes the
directory.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn, TypedDict

START_SECONDS = 60.0
POLL_SECONDS = 0.005
# PostgreSQL waits for nobody at SIGINT, leaves at once without a checkpoint at SIGQUIT.
STOP_LADDER = ((signal.SIGINT, 15.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class Plan(TypedDict):
    """What to run. `data` is None for a data directory inside the private one, which then goes with it."""

    initdb: list[str]
    postgres: list[str]
    base: str
    data: str | None
    password: str
    account: list[int] | None


class Failed(Exception):
    """PostgreSQL did not do what was asked; the message is the end of its log."""


class Busy(Failed):
    """Another server uses this data directory."""


class ParentGone(Exception):
    """The input ended."""


class Reaper:
    def __init__(self, plan: Plan, directory: Path) -> None:
        self.plan = plan
        self.directory = directory
        self.data = Path(plan["data"] or directory / "data")
        self.log = directory / "log"
        self.unclean = self.data.with_name(f"{self.data.name}.unclean")
        self.child: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the data directory, anew when the last server over it had not ended cleanly (fsync is off)."""
        self.lock = self._lock()
        if self.unclean.exists():
            shutil.rmtree(self.data, ignore_errors=True)
        if (self.data / "PG_VERSION").exists():
            return
        self.unclean.touch()
        self._initdb()

    def _lock(self) -> IO[str]:
        """A lock that lasts as long as this process: the parent's would end before postgres has."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        file = self.data.with_name(f"{self.data.name}.lock").open("a")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise Busy(f"another server uses {self.data}") from error
        return file

    def _initdb(self) -> None:
        password = self.directory / "password"
        password.write_text(self.plan["password"] + "\n")
        self.give(password)
        self.data.mkdir(exist_ok=True)
        self.data.chmod(0o700)
        self.give(self.data)
        arguments = [f"--pgdata={self.data}", f"--pwfile={password}"]
        self.child = self._spawn([*self.plan["initdb"], *arguments])
        while self.child.poll() is None:
            heed_input()
        password.unlink()
        if self.child.returncode != 0:
            raise Failed(self._end_of_log())

    def start(self) -> int:
        """Start postgres, wait until it takes connections, answer its process id.

        After a kill its old backends hold the shared memory for another moment, so a refusal is tried again.
        """
        self.unclean.touch()
        deadline = time.monotonic() + START_SECONDS
        for patience in (0.2, 0.5, 1.0, 2.0, 0.0):
            if self._started(deadline):
                assert self.child is not None
                return self.child.pid
            if not patience or "shared memory" not in self._end_of_log():
                break
            time.sleep(patience)
        raise Failed(self._end_of_log())

    def stop(self) -> None:
        if self.child is None or self.child.poll() is not None:
            return
        for number, seconds in STOP_LADDER:
            self.child.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.child.wait(seconds)
                break
        if self.child.returncode == 0:
            self.unclean.unlink(missing_ok=True)

    def kill(self) -> None:
        """Kill postgres and its backends, which would otherwise finish what they are at."""
        if self.child is not None and self.child.poll() is None:
            backends = children(self.child.pid)
            self.child.kill()
            for pid in backends:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.child.wait()

    def remove(self) -> None:
        """Remove the private directory; a backend that has just died may still be putting files into it."""
        for _ in range(100):
            shutil.rmtree(self.directory, ignore_errors=True)
            if not self.directory.exists():
                return
            time.sleep(0.05)

    def _started(self, deadline: float) -> bool:
        runtime = ["-D", str(self.data), "-c", f"unix_socket_directories={self.directory}"]
        status = self.data / "postmaster.pid"
        self.child = self._spawn([*self.plan["postgres"], *runtime])
        while self.child.poll() is None and time.monotonic() < deadline:
            with suppress(OSError, IndexError):
                lines = status.read_text().split()
                if lines[0] == str(self.child.pid) and lines[-1] == "ready":
                    return True
            heed_input()
        self.stop()
        return False

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        uid, gid = self.plan["account"] or (None, None)
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
            )

    def give(self, path: Path) -> None:
        account = self.plan["account"]
        if account is not None:
            os.chown(path, *account)

    def _end_of_log(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines()
        telling = [line for line in lines if "FATAL" in line or "error:" in line]
        return (telling or lines or ["it said nothing"])[-1]


def children(pid: int) -> list[int]:
    """The children of a process, where the system can tell (Linux)."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def heed_input() -> None:
    """Pause for a moment; notice when the parent has gone in the meantime (it sends no order while it waits)."""
    if select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
        raise ParentGone


def answer(**facts: object) -> None:
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def obey(reaper: Reaper, order: str) -> None:
    if order == "kill":
        reaper.kill()
    elif order == "stop":
        reaper.stop()
    elif order == "start":
        reaper.start()
    answer(directory=str(reaper.directory), pid=reaper.child.pid if reaper.child else None)


def serve(reaper: Reaper) -> None:
    reaper.give(reaper.directory)
    reaper.prepare()
    obey(reaper, "start")
    while order := sys.stdin.readline():
        obey(reaper, order.strip())


def leave(_number: int, _frame: FrameType | None) -> NoReturn:
    raise ParentGone


def main() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    first = sys.stdin.readline()
    if not first:
        return
    plan: Plan = json.loads(first)
    reaper = Reaper(plan, Path(tempfile.mkdtemp(prefix="bossctl-", dir=plan["base"])))
    try:
        serve(reaper)
    except (Failed, OSError) as error:
        with suppress(OSError):
            answer(error=str(error), busy=isinstance(error, Busy))
    except ParentGone:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        reaper.stop()
        reaper.remove()


if __name__ == "__main__":
    main()
