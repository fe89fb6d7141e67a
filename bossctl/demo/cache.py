"""Where downloads and built things are kept between runs, and the lock that lets two runs share them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from bossctl.errors import Unsupported


def cache_root() -> Path:
    """The cache directory of this user, created if missing.

    For root it is the system's cache directory and not root's home, because PostgreSQL runs under another account
    there and has to reach it. Raises Unsupported when it cannot be made.
    """
    own = platformdirs.user_cache_path("bossctl")
    root = platformdirs.site_cache_path("bossctl") if os.geteuid() == 0 else own
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unsupported(
            f"The cache directory {root} cannot be made: {error.strerror}.",
            "Make it writable, or set XDG_CACHE_HOME to a directory that is.",
        ) from error
    return root


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for any other process that holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def built(target: Path, build: Callable[[Path], None]) -> Path:
    """`target`, made by `build(empty directory)` if it is not there yet.

    It appears complete or not at all, also when several processes ask for it at once or one is killed half-way.
    """
    if target.exists():
        return target
    with locked(target.with_name(f"{target.name}.lock")):
        if not target.exists():
            unfinished = target.with_name(f"{target.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            try:
                build(unfinished)
                unfinished.rename(target)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return target
