"""Readings merged, ordered and put into words; no database."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bossctl.models.common import UNKNOWN, Count, Target, Truth
from bossctl.models.jobs import JobRow
from bossctl.models.pulse import QueuePulse
from bossctl.models.queues import STATES, Queue, QueueOverview
from bossctl.models.schema import Age, Info, PgBossInfo, ServerInfo
from bossctl.tui import words
from bossctl.tui.overviews import Line, line_of, merge, ordered
from bossctl.tui.queuerows import COLUMNS, row_of
from bossctl.tui.widgets.rows import plain

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
INFO = Info(
    target=Target("db", 5432, "a", "me", "pgboss", "--dsn"),
    server=ServerInfo("18.0", 180000, False, NOW, None),
    pgboss=PgBossInfo(46, "12.38.0", "11-12", "job_common", None),
    capabilities=(),
    sizes=(),
    ages=(),
    instances=(),
    queues=1,
    other_schemas=(),
)


def exact(value: int) -> Count:
    return Count(value, Truth.EXACT)


def queue(name: str, *, due: float | None = None, hour: Count | None = None, **counts: Count | int) -> Queue:
    given = {state: counts.get(state, 0) for state in STATES}
    return Queue(
        name=name,
        options={},
        counts={state: exact(one) if isinstance(one, int) else one for state, one in given.items()},
        extra={"deferred": exact(0), "blocked": exact(0)},
        oldest_due_seconds=due,
        failed_last_hour=hour or exact(0),
        storage="shared",
        table="job_common",
    )


def overview(*queues: Queue, at: datetime = NOW, note: str | None = "estimates") -> QueueOverview:
    return QueueOverview(queues, at, 1.0, note)


def test_finished_states_come_from_the_last_exact_reading_with_its_age() -> None:
    scanned = overview(queue("a", completed=812, failed=3, created=9, hour=exact(2)), at=NOW - timedelta(seconds=40))
    cheap = queue(
        "a", completed=Count(800, Truth.ESTIMATE), cancelled=UNKNOWN, failed=exact(5), created=7, hour=UNKNOWN
    )
    merged = merge(overview(cheap, queue("new", completed=UNKNOWN)), scanned)
    counts = merged.queues[0].counts
    assert counts["completed"] == Count(812, Truth.CACHED, 40.0)
    assert counts["cancelled"] == Count(0, Truth.CACHED, 40.0)
    assert counts["failed"] == exact(5), "what is exact now stays"
    assert counts["created"] == exact(7)
    assert merged.queues[0].failed_last_hour == Count(2, Truth.CACHED, 40.0)
    assert merged.queues[1].counts["completed"] == UNKNOWN, "unknown to the exact reading: not zero"


def test_the_younger_of_two_cached_counts_is_shown() -> None:
    scanned = overview(queue("a", active=4, failed=4), at=NOW - timedelta(seconds=40))
    cheap = queue("a", active=Count(9, Truth.CACHED, 10.0), failed=Count(9, Truth.CACHED, 3000.0))
    counts = merge(overview(cheap), scanned).queues[0].counts
    assert (counts["active"].value, counts["failed"].value) == (9, 4)


def test_a_complete_reading_needs_no_other() -> None:
    complete = overview(queue("a", completed=1), note=None)
    assert merge(complete, overview(queue("a", completed=5), at=NOW - timedelta(seconds=1))) is complete
    newer = overview(queue("a", completed=5), at=NOW + timedelta(seconds=1))
    assert merge(overview(queue("a", completed=UNKNOWN)), newer) is newer


def test_worst_first() -> None:
    given = [
        queue("idle"),
        queue("__pgboss__x", failed=90, hour=exact(90)),
        queue("busy", active=5, created=5, due=3),
        queue("late", created=5, due=400),
        queue("failed-long-ago", failed=7),
        queue("failing", failed=7, hour=exact(1)),
        queue("nobody-works", created=5, due=20_000),
    ]
    lines = [line_of(one) for one in given]
    names = [line.queue.name for line in ordered(lines, "worst")]
    assert names == ["failing", "nobody-works", "late", "failed-long-ago", "busy", "idle", "__pgboss__x"]


def test_order_comes_to_rest_while_amounts_move_a_little() -> None:
    def names(first: int, second: int) -> list[str]:
        given = [queue("a", created=first, due=70), queue("b", created=second, due=70)]
        return [line.queue.name for line in ordered((line_of(one) for one in given), "worst")]

    assert names(100, 104) == names(104, 100) == ["a", "b"]
    assert names(100, 1000) == ["b", "a"]


@pytest.mark.parametrize(
    ("sort", "names"),
    [("ready", ["b", "a", "c"]), ("queue", ["a", "b", "c"]), ("due", ["c", "b", "a"]), ("hour", ["a", "c", "b"])],
)
def test_sorting_by_a_column(sort: str, names: list[str]) -> None:
    given = [
        queue("a", created=2, hour=exact(9)),
        queue("b", created=30, due=5, hour=UNKNOWN),
        queue("c", created=UNKNOWN, due=50),
    ]
    assert [line.queue.name for line in ordered((line_of(one) for one in given), sort)] == names


def test_unknown_is_last_in_every_order_and_findings_weigh_by_severity() -> None:
    beat = QueuePulse((0, 5), (1, 0), workers=2)
    lines = [
        line_of(queue("a"), beat, depth=exact(1), found=(0, 0, 900)),
        line_of(queue("b"), replace(beat, completed=(0, 9), failed=(0, 3), workers=0), depth=exact(7), found=(0, 1, 0)),
        line_of(queue("c"), found=(1, 0, 0)),
        line_of(queue("d")),
    ]
    for sort, names in (
        ("done", "ba"),
        ("fail", "ba"),
        ("workers", "ab"),
        ("depth", "ba"),
        ("found", "cba"),
    ):
        assert "".join(line.queue.name for line in ordered(lines, sort)).startswith(names), sort
    assert lines[0].trend == (1, 5)
    assert lines[3].trend == ()


def test_what_is_not_known_of_a_queue_is_a_question_mark() -> None:
    def shown(line: Line) -> dict[str, str]:
        cells = row_of(line).cells
        return {column.key: plain(cell) for column, cell in zip(COLUMNS, cells, strict=True)}

    unread = shown(line_of(queue("a")))
    assert [unread[key] for key in ("done", "fail", "workers", "found", "depth")] == ["?", "?", "?", "?", "-"]
    seen = QueuePulse((2,), (0,), seen_on=NOW - timedelta(seconds=200))
    older = shown(line_of(queue("a"), seen, now=NOW, found=(0, 0, 0)))
    assert [older[key] for key in ("done", "fail", "workers", "found")] == ["2", "0", "3m ago", ""]
    never = shown(line_of(queue("a"), replace(seen, seen_on=None), now=NOW))
    assert never["workers"] == "?", "nothing tells whether anybody works it"
    counted = QueuePulse((0.3,), (12.2,), age_seconds=95, workers=0)
    newer = shown(line_of(queue("a", created=1), counted, now=NOW, found=(2, 5, 0), depth=exact(4)))
    assert [newer[key] for key in ("done", "fail", "workers", "found", "depth")] == ["<1", "12·1m", "0", "✗ 2", "4"]


def test_the_supervisor_is_as_old_as_its_youngest_duty() -> None:
    def told(*ages: tuple[str, float | None, bool]) -> str:
        known = [
            Age(name, None if seconds is None else NOW - timedelta(seconds=seconds), seconds, there)
            for name, seconds, there in ages
        ]
        return words.supervision(replace(INFO, ages=tuple(known)), NOW)[0]

    assert told(("maintenance", 4000, True), ("monitor", 100, True), ("cron", 1, True)) == "supervisor 1m40s ago"
    assert told(("maintenance", None, True), ("monitor", None, False)) == "no supervisor seen"
    assert told(("cron", 5, True)) == "supervisor ?"


def test_counts_say_how_far_they_can_be_believed() -> None:
    assert words.counted(exact(12)) == "12"
    assert words.counted(Count(12_345, Truth.ESTIMATE)) == "~12k"
    assert words.counted(Count(12, Truth.CACHED, 190.0)) == "12·3m"
    assert words.counted(Count(0, Truth.CACHED, 0.2)) == "0"
    assert words.counted(UNKNOWN) == "?"


def test_ready_is_as_true_as_its_parts() -> None:
    assert words.ready(queue("a", created=9, retry=2)) == exact(11)
    held = replace(queue("a", created=9, retry=2), extra={"deferred": exact(4), "blocked": exact(1)})
    assert words.ready(held) == exact(6)
    assert words.ready(queue("a", created=Count(9, Truth.ESTIMATE))).truth is Truth.ESTIMATE
    assert words.ready(queue("a", created=Count(9, Truth.CACHED, 5.0), retry=1)) == Count(10, Truth.CACHED, 5.0)
    assert words.ready(queue("a", retry=UNKNOWN)) == UNKNOWN


def job(state: str, **given: object) -> JobRow:
    row = JobRow("id", "q", state, 0, 0, 2, NOW - timedelta(hours=1), NOW, None, None, None, None, None, False, False)
    return replace(row, **given)


@pytest.mark.parametrize(
    ("row", "text"),
    [
        (job("created", start_after=NOW - timedelta(minutes=5)), "due 5m ago"),
        (job("retry", start_after=NOW + timedelta(hours=2)), "due in 2h"),
        (job("created", blocked=True), "waits for parent"),
        (job("active", started_on=NOW - timedelta(seconds=190)), "runs 3m10s"),
        (job("active"), "runs ?"),
        (job("failed", completed_on=NOW - timedelta(minutes=4)), "ended 4m ago"),
        (job("completed"), "-"),
        (job("created", start_after=datetime.max.replace(tzinfo=UTC)), "-"),
    ],
)
def test_what_a_job_did_lately(row: JobRow, text: str) -> None:
    assert words.lately(row, NOW) == text


def test_moments_carry_their_distance() -> None:
    assert words.moment(NOW - timedelta(seconds=190), NOW) == "2026-01-02 03:00:55Z (3m10s ago)"
    assert words.moment(NOW + timedelta(hours=2), NOW) == "2026-01-02 05:04:05Z (in 2h)"
    assert words.moment(datetime.max.replace(tzinfo=UTC), NOW) == "infinity"
    assert words.moment(None, NOW) == "-"


def test_a_target_is_harmless() -> None:
    target = Target("::1", 5432, "a\x1b[31mb", "me", "pgboss", "--dsn")
    assert words.place(target) == "[::1]:5432/a␛[31mb"
