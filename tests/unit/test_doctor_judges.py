"""The judges on readings made by hand: what they say, how sure they are, and what leaves them silent."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args, get_origin, get_type_hints
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bossctl.doctor import CHECKS, choose, explain
from bossctl.doctor.check import Check, Readings, fingerprint
from bossctl.doctor.known_bugs import BUGS, parse
from bossctl.errors import UsageError
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, Finding, Severity
from bossctl.models.readings import (
    DoubledSchedule,
    Ground,
    JobEvidence,
    ScheduleSends,
    SchemaNumber,
    Send,
    Slot,
    Supervision,
    Symptom,
    SymptomGroup,
    Symptoms,
)
from bossctl.models.releases import RELEASES, releases_of
from bossctl.models.workers import Worker
from bossctl.selector import And, QueueGlob
from bossctl.selector import parse as parse_selector

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TARGET = Target("localhost", 5432, "app", "reader", "pgboss", "--dsn")


def ids(count: int) -> tuple[str, ...]:
    return tuple(str(UUID(int=number)) for number in range(count))


def judged(code: str, *taken: object, generation: str = "11-12", target: Target = TARGET) -> tuple[Finding, ...]:
    readings = Readings(Ground(NOW, generation), {type(one): one for one in taken})
    return explain(code).findings(readings, target)


def group(symptoms: Symptom, *, state: str = "retry", jobs: int = 1, queue: str = "mail") -> SymptomGroup:
    return SymptomGroup(queue, state, symptoms, jobs, NOW - timedelta(hours=2), NOW, 2, ids(min(jobs, 32)))


def evidence(groups: tuple[SymptomGroup, ...]) -> Mapping[tuple[str, str], JobEvidence]:
    return {
        (one.queue, job): JobEvidence(
            job, one.queue, one.state, 1, 2, NOW, NOW, NOW - timedelta(hours=2), None, 900.0, "it failed", False
        )
        for one in groups
        for job in one.samples
    }


def symptoms(*groups: SymptomGroup) -> Symptoms:
    return Symptoms(groups, evidence(groups), 120.0)


def slot(minutes_ago: int, sends: int = 2, *, jobs_each: int = 1) -> Slot:
    minute = NOW - timedelta(minutes=minutes_ago)
    told = [
        Send(
            str(UUID(int=1000 * minutes_ago + number)),
            minute + timedelta(seconds=5 + 30 * number),
            tuple(str(UUID(int=1_000_000 + 1000 * minutes_ago + 10 * number + job)) for job in range(jobs_each)),
        )
        for number in range(sends)
    ]
    return Slot(minute, 1, tuple(told))


def doubled(*slots: Slot, queue: str = "tick", key: str = "", cron: str | None = "* * * * *") -> DoubledSchedule:
    sends = sum(len(one.sends) for one in slots)
    minutes = [one.minute for one in slots]
    return DoubledSchedule(
        queue, key, cron, 10, len(slots), sends, sends - len(slots), min(minutes), max(minutes), slots
    )


def worker(*, alive: bool = True, supervise: bool = True, release: str = "12.38.0") -> Worker:
    return Worker(
        instance="5d0f",
        name=None,
        host="app-1",
        pid=1,
        release=release,
        queues=(),
        heartbeat_on=NOW,
        heartbeat_age_seconds=1.0,
        heartbeat_seconds=30,
        alive=alive,
        source="registry",
        application_name="pgboss:5d0f",
        started_on=NOW,
        stopped_on=None,
        supervise=supervise,
        schedule=True,
        sessions=1,
        active=0,
        details={},
    )


def supervision(silent_seconds: float | None = 3600.0, **changes: object) -> Supervision:
    at = None if silent_seconds is None else NOW - timedelta(seconds=silent_seconds)
    plain = Supervision({"monitor_on": at}, None, True, True, None, None)
    return replace(plain, **changes)


def number(schema: int | None, note: str | None = None) -> SchemaNumber:
    return SchemaNumber(schema, None if note else releases_of(schema), note)


def nothing(kind: type) -> object:
    """A reading of a healthy, empty schema."""
    told = {Supervision: supervision(5.0), SchemaNumber: number(46)}
    return told[kind] if kind in told else kind(**{name: blank(hint) for name, hint in get_type_hints(kind).items()})


def blank(hint: Any) -> object:
    """A value of a field's type that says nothing: None, empty or zero."""
    if type(None) in get_args(hint):
        return None
    return {} if get_origin(hint) is Mapping else NOW if hint is datetime else (get_origin(hint) or hint)()


# the catalogue


FAMILIES = ("DUP", "STK", "CFG", "SCH")


def test_codes_slugs_and_words_of_the_catalogue() -> None:
    codes = [check.code for check in CHECKS]
    members = {"DUP": 16, "STK": 13, "CFG": 8, "SCH": 6}
    assert codes == [f"{family}{number:02}" for family in FAMILIES for number in range(1, members[family] + 1)]
    assert len({check.slug for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.needs
        for words in (check.title, check.what, check.why, check.confirm, check.fix, check.releases):
            assert words.strip() == words
            assert words


def test_checks_are_chosen_by_code_slug_and_family_in_any_case() -> None:
    assert [check.code for check in choose(("stk01", "reruns"), ())] == ["DUP16", "STK01"]
    duplicates = [check for check in CHECKS if check.family == "DUP"]
    assert [*choose(("DUP",), ("DUP16",))] == [check for check in duplicates if check.code != "DUP16"]
    assert choose((), ()) == CHECKS


@pytest.mark.parametrize(
    ("given", "hint"), [("DUP001", "DUP01"), ("rerun", "reruns"), ("STKK", "STK"), ("zebra", "--list")]
)
def test_an_unknown_check_is_a_usage_error_with_a_near_name(given: str, hint: str) -> None:
    with pytest.raises(UsageError, match="there is no check") as caught:
        choose((given,), ())
    assert hint in (caught.value.hint or "")


def test_nothing_left_to_run_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="no check is left"):
        choose(("DUP",), ("dup",))


def test_a_family_cannot_be_explained_even_when_it_has_one_member() -> None:
    assert explain("dup01") is explain("schedule-slot-sent-twice")
    for family in ("SCH", "DUP"):
        with pytest.raises(UsageError, match="family"):
            explain(family)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.code)
def test_a_judge_looks_only_at_the_readings_its_check_declares(check: Check) -> None:
    readings = Readings(Ground(NOW, "11-12"), {kind: nothing(kind) for kind in check.needs})
    assert check.findings(readings, TARGET) == ()


def test_a_reading_that_was_not_taken_is_an_error_and_not_an_empty_one() -> None:
    with pytest.raises(LookupError, match="Symptoms"):
        judged("STK01")


# DUP01


def test_a_doubled_slot_is_proven_and_names_schedule_minutes_and_jobs() -> None:
    [found] = judged("DUP01", ScheduleSends((doubled(slot(9), slot(4, sends=3)),)), generation="10")
    assert (found.severity, found.certainty, found.queue) == (Severity.ERROR, Certainty.PROVEN, "tick")
    assert found.count == 5
    assert len(found.jobs) == 5
    assert found.since == NOW - timedelta(minutes=9)
    assert "2 of 10 minutes, at 2026-03-01 11:51Z and 2026-03-01 11:56Z: 3 jobs too many" in found.message
    assert "10.0.0 to 10.0.6" in found.message
    assert "10.1.0" in found.remedy.text
    assert [row["slot"] for row in found.evidence] == ["2026-03-01 11:56Z", "2026-03-01 11:51Z"]
    assert [row["apart_seconds"] for row in found.evidence] == [60.0, 30.0]
    assert found.evidence[0]["jobs"] == found.jobs[:3]


@pytest.mark.parametrize(
    ("generation", "told"), [("10", "10.0.0 to 10.0.6"), ("11-12", "11.0.0 to 11.0.2"), ("8-9", "no release of 8 or 9")]
)
def test_each_generation_names_its_own_releases(generation: str, told: str) -> None:
    [found] = judged("DUP01", ScheduleSends((doubled(slot(4)),)), generation=generation)
    assert told in found.message


def test_many_doubled_slots_are_told_as_a_span_with_at_most_twenty_jobs() -> None:
    [found] = judged("DUP01", ScheduleSends((doubled(*map(slot, range(40, 0, -1))),)))
    assert "between 2026-03-01 11:20Z and 2026-03-01 11:59Z" in found.message
    assert (found.count, len(found.jobs)) == (80, 20)
    assert found.jobs[0] == str(UUID(int=1_001_000)), "the newest slot comes first"


@pytest.mark.parametrize("cron", ["*/30 * * * * *", "0,30 * * * * *", "10-12 0 9 * * *"])
def test_several_runs_a_minute_may_be_what_the_cron_asks_for(cron: str) -> None:
    assert judged("DUP01", ScheduleSends((doubled(slot(4), cron=cron),))) == ()


@pytest.mark.parametrize("cron", ["15 * * * * *", "*/5 * * * *", None])
def test_one_run_a_minute_is_what_any_other_cron_asks_for(cron: str | None) -> None:
    assert len(judged("DUP01", ScheduleSends((doubled(slot(5), cron=cron),)))) == 1


def test_jobs_that_may_be_of_a_like_schedule_are_marked() -> None:
    [plain] = judged("DUP01", ScheduleSends((doubled(slot(4)),)))
    [shared] = judged("DUP01", ScheduleSends((doubled(slot(4, jobs_each=2)),)))
    assert plain.evidence[0]["some_jobs_of_like_schedules"] is False
    assert shared.evidence[0]["some_jobs_of_like_schedules"] is True


def test_each_key_of_a_queue_has_its_own_fingerprint_which_counts_do_not_change() -> None:
    both = ScheduleSends((doubled(slot(4), key="a"), doubled(slot(4), key="b")))
    [first, second] = judged("DUP01", both)
    assert first.fingerprint != second.fingerprint
    [later] = judged("DUP01", ScheduleSends((doubled(slot(9), slot(7), key="a"),)))
    assert later.fingerprint == first.fingerprint


# DUP02 and DUP16


@pytest.mark.parametrize(
    ("symptom", "state", "generation", "certainty"),
    [
        (Symptom.OVERRAN, "retry", "11-12", Certainty.PROVEN),
        (Symptom.OVERRAN, "active", "8-9", Certainty.PROVEN),
        (Symptom.OVERFLOWED, "failed", "8-9", Certainty.PROVEN),
        (Symptom.TIMED_OUT, "retry", "10", Certainty.LIKELY),
        (Symptom.EXPIRED, "expired", "8-9", Certainty.LIKELY),
        (Symptom.SILENT_RETRY, "retry", "8-9", Certainty.LIKELY),
    ],
)
def test_how_sure_an_expiry_makes(symptom: Symptom, state: str, generation: str, certainty: Certainty) -> None:
    [found] = judged("DUP02", symptoms(group(symptom, state=state, jobs=3)), generation=generation)
    assert (found.severity, found.certainty, found.count) == (Severity.WARNING, certainty, 3)
    assert found.message.startswith("3 jobs of queue mail were ")
    assert "expiry 15m" in found.message
    assert found.evidence[0]["attempts"] == 2
    assert found.evidence[0]["expires_on"] == NOW - timedelta(minutes=105)


def test_a_retry_without_a_word_means_an_expiry_only_in_8_and_9() -> None:
    silent = symptoms(group(Symptom.SILENT_RETRY))
    assert [judged("DUP02", silent, generation=one) for one in ("10", "11-12")] == [(), ()]


def test_one_finding_per_queue_and_signature_with_states_told_apart() -> None:
    found = judged(
        "DUP02",
        symptoms(
            group(Symptom.OVERRAN, state="retry", jobs=2),
            group(Symptom.OVERRAN, state="failed", jobs=1200),
            group(Symptom.TIMED_OUT, state="retry"),
            group(Symptom.OVERRAN, queue="other"),
        ),
    )
    assert sorted((one.queue, one.subject, one.count) for one in found) == [
        ("mail", "handler-exceeded", 1202),
        ("mail", "timed-out", 1),
        ("other", "handler-exceeded", 1),
    ]
    assert "2 wait to run again and 1,200 failed in the end" in found[0].message
    assert len(found[0].jobs) == 20


def test_a_row_put_back_by_hand_is_not_an_expiry_that_ran_again() -> None:
    assert judged("DUP02", symptoms(group(Symptom.OVERRAN | Symptom.FINISHED_BEFORE))) == ()


def test_reruns_are_counted_per_queue_and_never_worse_than_info() -> None:
    found = judged(
        "DUP16",
        symptoms(
            group(Symptom.RERUN, state="completed", jobs=70),
            group(Symptom.RESUMED, state="created", jobs=2),
            group(Symptom.OVERRAN, state="retry", jobs=9),
        ),
    )
    assert [(one.severity, one.certainty, one.count) for one in found] == [(Severity.INFO, Certainty.PROVEN, 72)]
    assert "70 jobs completed after more than one attempt and 2 jobs had been fetched" in found[0].message


# STK01


def test_jobs_past_their_expiry_are_proven_with_how_long_they_are_overdue() -> None:
    [found] = judged("STK01", symptoms(group(Symptom.PAST_EXPIRY, state="active", jobs=2)))
    assert (found.severity, found.certainty, found.count) == (Severity.ERROR, Certainty.PROVEN, 2)
    assert found.message == (
        "2 jobs of queue mail are active more than 2m past expiry and nobody expired them;"
        " the oldest was fetched 2h ago (2026-03-01 10:00:00Z)"
    )
    assert found.evidence[0]["overdue_seconds"] == 7200 - 900


def test_other_symptoms_of_an_active_job_are_not_a_stuck_one() -> None:
    assert judged("STK01", symptoms(group(Symptom.OVERRAN, state="active"))) == ()


def test_an_expiry_no_calendar_holds_breaks_nothing() -> None:
    one = group(Symptom.PAST_EXPIRY | Symptom.OVERRAN, state="active")
    rows = {key: replace(row, expire_seconds=1e15) for key, row in evidence((one,)).items()}
    endless = Symptoms((one,), rows, 120.0)
    assert judged("DUP02", endless)[0].evidence[0]["expires_on"] is None
    assert len(judged("STK01", endless)) == 1


# STK07


def test_silence_is_likely_before_there_was_a_registry() -> None:
    [found] = judged("STK07", supervision(3600.0))
    assert (found.severity, found.certainty) == (Severity.ERROR, Certainty.LIKELY)
    assert "the last sign was monitor_on 1h ago" in found.message
    assert found.since == NOW - timedelta(hours=1)


@pytest.mark.parametrize(("generation", "allowed"), [("8-9", 600), ("10", 600), ("11-12", 300)])
def test_how_long_a_supervisor_may_be_silent(generation: str, allowed: int) -> None:
    assert judged("STK07", supervision(allowed - 1), generation=generation) == ()
    assert len(judged("STK07", supervision(allowed + 1), generation=generation)) == 1


def test_the_newest_stamp_decides() -> None:
    stamps = {"monitor_on": NOW - timedelta(hours=3), "flow_on": NOW - timedelta(seconds=4), "monitor_claim_on": None}
    assert judged("STK07", supervision(stamps=stamps)) == ()


def test_an_empty_schema_and_a_new_one_need_nobody() -> None:
    assert judged("STK07", supervision(3600.0, jobs=False, old_jobs=False)) == ()
    assert judged("STK07", supervision(None, old_jobs=False)) == ()
    [found] = judged("STK07", supervision(None))
    assert "monitor_on was never set" in found.message


def test_a_registry_without_a_live_supervisor_proves_it() -> None:
    dead = supervision(instances=(worker(alive=False), worker(supervise=False)))
    [found] = judged("STK07", dead)
    assert found.certainty is Certainty.PROVEN
    assert "of 2 registered instances none is alive and supervises" in found.message
    assert [row.get("stamp") or row.get("instance") for row in found.evidence] == ["monitor_on", "5d0f", "5d0f"]


def test_fresh_stamps_are_believed_before_the_registry() -> None:
    assert judged("STK07", supervision(20.0, instances=(worker(supervise=False),))) == ()


def test_an_empty_registry_or_a_live_supervisor_leaves_it_likely() -> None:
    [nobody] = judged("STK07", supervision(instances=()))
    [stalled] = judged("STK07", supervision(instances=(worker(),)))
    assert (nobody.certainty, stalled.certainty) == (Certainty.LIKELY, Certainty.LIKELY)
    assert "no instance is registered" in nobody.message
    assert "its passes do not end" in stalled.message


def test_a_longer_registered_interval_is_waited_for() -> None:
    patient = supervision(3000.0, instances=(worker(),), interval_seconds=1200.0)
    assert judged("STK07", patient) == ()
    assert len(judged("STK07", replace(patient, interval_seconds=900.0))) == 1


def test_a_backoff_of_the_monitor_excuses_silence_unless_the_registry_knows_better() -> None:
    later = NOW + timedelta(minutes=20)
    assert judged("STK07", supervision(backoff_until=later)) == ()
    assert len(judged("STK07", supervision(backoff_until=NOW - timedelta(seconds=1)))) == 1
    assert len(judged("STK07", supervision(backoff_until=later, instances=(worker(alive=False),)))) == 1


# SCH01


def generation_of(schema: int) -> str:
    return "8-9" if schema == 20 else "10" if schema < 25 else "11-12"


@pytest.mark.parametrize("schema", RELEASES)
def test_what_each_schema_number_is_known_for(schema: int) -> None:
    found = judged("SCH01", number(schema), supervision(5.0), generation=generation_of(schema))
    first, last = RELEASES[schema]
    affected = {bug.name for bug in BUGS if bug.affects(first) or bug.affects(last)}
    assert {row["bug"] for one in found for row in one.evidence} >= affected
    assert bool(found) == (schema < 43)
    for one in found:
        assert one.severity is (Severity.WARNING if schema == 21 else Severity.INFO)
        assert one.count == len(one.evidence)


def test_a_number_that_stands_for_broken_and_fixed_releases_says_so() -> None:
    [found] = judged("SCH01", number(25), supervision(5.0))
    shares = {row["bug"]: row["in_releases_of_this_number"] for row in found.evidence}
    assert shares["cron-slot-sent-twice-again"] == "some"
    assert shares["stale-settle"] == "all"
    assert "only some of these releases, which it cannot tell apart (cron-slot-sent-twice-again" in found.message
    [fixed] = [row["fixed_in"] for row in found.evidence if row["bug"] == "cron-slot-sent-twice-again"]
    assert fixed == "11.0.3"


def test_a_fork_is_told_as_one_and_only_possible() -> None:
    note = "schema number 25 does not fit its tables, which are those of pg-boss 10: a fork?"
    [found] = judged("SCH01", number(25, note), supervision(5.0), generation="10")
    assert (found.severity, found.certainty) == (Severity.INFO, Certainty.POSSIBLE)
    assert note in found.message
    assert "10.0.0 to 10.4.2" in found.message
    assert {row["in_releases_of_this_number"] for row in found.evidence} == {"some"}


@pytest.mark.parametrize("schema", [None, 19, 47, 60])
def test_an_unknown_number_is_not_accused(schema: int | None) -> None:
    assert judged("SCH01", number(schema), supervision(5.0)) == ()


def test_an_old_release_in_a_mixed_fleet_is_found_by_its_instance() -> None:
    fleet = (worker(), worker(release="12.30.0"), worker(release="12.30.0"), worker(release="12.12.0", alive=False))
    [found] = judged("SCH01", number(46), supervision(5.0, instances=fleet))
    assert (found.subject, found.certainty) == ("release 12.30.0", Certainty.PROVEN)
    assert "2 live instances of pg-boss 12.30.0 (app-1)" in found.message
    assert {row["bug"] for row in found.evidence} == {"stale-settle", "cron-wrong-minute", "redrive-loses-job"}


def test_bugs_end_before_they_are_fixed() -> None:
    for bug in BUGS:
        assert parse(bug.first) <= parse(bug.last) < parse(bug.fixed)
        assert bug.affects(bug.first)
        assert bug.affects(bug.last)
        assert not bug.affects(bug.fixed)
    assert parse("12.9.0") < parse("12.10.0")


# what every finding has in common


def test_commands_reach_the_same_schema_from_the_same_shell() -> None:
    elsewhere = replace(TARGET, schema='Odd "Name', context="prod")
    [found] = judged("STK01", symptoms(group(Symptom.PAST_EXPIRY, state="active")), target=elsewhere)
    words = shlex.split(found.remedy.command or "")
    assert words == ["bossctl", "--context", "prod", "--schema", 'Odd "Name', "job", "retry", "queue:mail is:stuck"]


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_queue_name_survives_the_shell_and_the_selection_language(name: str) -> None:
    [found] = judged("STK01", symptoms(group(Symptom.PAST_EXPIRY, state="active", queue=name)))
    *_, expression = shlex.split(found.remedy.command or "")
    selection = parse_selector(expression)
    assert isinstance(selection, And)
    queue = selection.items[0]
    assert isinstance(queue, QueueGlob)
    assert queue.literal == name


def test_fingerprints_keep_their_parts_apart() -> None:
    told = {
        fingerprint("DUP01", "a", "b"),
        fingerprint("DUP01", "a b", ""),
        fingerprint("DUP01", None, "b"),
        fingerprint("DUP01", "", "b"),
        fingerprint("DUP02", "a", "b"),
    }
    assert len(told) == 5
    assert fingerprint("DUP01", "mail", "schedule ") == "DUP01-702b9d4a5a0c377d", "baselines of users hold these"
