"""Actions on jobs beside real workers, with bossctl and the server killed in the middle."""

from __future__ import annotations

import random
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from bossctl.demo.server import running_server
from tests.conftest import BossFactory
from tests.support.chaos import Chaos
from tests.support.chaos_verdict import Verdict
from tests.support.diagnosis import diagnose
from tests.support.releases import NEWEST


@pytest.fixture(autouse=True)
def own_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Each run has a log of its own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


RELEASES = ("9.0.3", "10.4.2", "11.1.2", "12.27.0", NEWEST)


@dataclass(frozen=True)
class Size:
    """How much: at least `seconds` and `least` operations; jobs expire `expire_seconds` after they were taken."""

    jobs: int
    seconds: float
    least: int
    expire_seconds: int
    batch: int
    lanes: int


SMALL = Size(jobs=600, seconds=2, least=10, expire_seconds=3, batch=8, lanes=2)
FULL = Size(jobs=20_000, seconds=60, least=24, expire_seconds=15, batch=40, lanes=4)


async def chaos(boss: BossFactory, release: str, size: Size) -> None:
    chance = random.Random(release)
    with (
        running_server() as server,
        closing(
            Chaos(
                server,
                release,
                size.jobs,
                size.expire_seconds,
                size.batch,
                chance,
                lanes=size.lanes,
                disorder=size is FULL,
            )
        ) as run,
    ):
        await run.begin(boss)
        await run.act(size.seconds, size.least)
        await run.settle()
        await run.end()
        report = await diagnose(run.database)
        verdict = Verdict(run)
        try:
            await verdict.all(report)
        finally:
            verdict.write()


@pytest.mark.matrix
@pytest.mark.timeout(400)
async def test_chaos_on_the_newest(boss: BossFactory) -> None:
    await chaos(boss, NEWEST, SMALL)


@pytest.mark.matrix
@pytest.mark.timeout(600)
@pytest.mark.parametrize("release", RELEASES)
async def test_chaos(boss: BossFactory, release: str) -> None:
    await chaos(boss, release, FULL)
