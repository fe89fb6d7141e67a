"""Running the command line in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bossctl.cli.main import main
from tests.cli.stock import RELEASES, stocked
from tests.support.bed import Bed
from tests.support.database import Database

VARIABLES = ("BOSSCTL_", "PGBOSS_", "PG", "DATABASE_URL", "XDG_CONFIG_HOME", "NO_COLOR")


@dataclass(frozen=True)
class Result:
    """How one command line ended."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """stdout as text."""
        return self.out.decode()

    def json(self) -> Any:
        """stdout as JSON, which must be all that is there."""
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        """stdout as one JSON value per line."""
        return [json.loads(line) for line in self.text.splitlines()]


Bossctl = Callable[..., Result]


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable or file names a database; the working directory is empty."""
    import os

    for name in list(os.environ):
        if name.startswith(VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def bossctl(clean_environment: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: Any) -> Bossctl:
    """Call it as `bossctl("queue", "list", env={"BOSSCTL_DSN": …})`."""

    def call(*argv: str, env: Mapping[str, str] | None = None) -> Result:
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            capfdbinary.readouterr()
            code = main(argv)
        captured = capfdbinary.readouterr()
        return Result(code, captured.out, captured.err.decode())

    return call


@pytest.fixture(params=RELEASES)
def stock(request: pytest.FixtureRequest, bed: Bed) -> Iterator[Database]:
    """This test's own copy of a stocked database, for each release."""
    yield from _copy(bed, request.param)


@pytest.fixture
def newest(bed: Bed) -> Iterator[Database]:
    """This test's own copy of the stocked database of the newest release."""
    yield from _copy(bed, RELEASES[-1])


def _copy(bed: Bed, release: str) -> Iterator[Database]:
    db = Database(bed, bed.create(stocked(bed, release)), release)
    yield db
    db.drop()
