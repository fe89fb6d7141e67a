"""STK: slots of policies that keep other jobs from running."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from bossctl.doctor.check import JOBS_SHOWN, Case, Check, Readings
from bossctl.doctor.words import act_on, act_on_queue, ago, list_jobs, some
from bossctl.format import timestamp
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings import SchemaNumber
from bossctl.models.readings_keys import CutRetries, QueueCuts, RetryingHolder, RetryingHolders
from bossctl.models.readings_stuck import HeldKey, HeldSlots, RefusedRetry

ABORTING = {21: Certainty.PROVEN, 22: Certainty.LIKELY, 23: Certainty.LIKELY}
"""Schema numbers of 10.0.0 to 10.1.4; 10.1.3 mended it."""

FAR_SECONDS = 86_400.0
"""A retry that keeps its key for a day is hardly meant."""


def key_blocked(readings: Readings) -> Iterator[Case]:
    """One case per queue and state of the holders."""
    groups: dict[tuple[str, str], list[HeldKey]] = defaultdict(list)
    for one in readings[HeldSlots].held:
        groups[one.queue, one.state].append(one)
    for (queue, state), held in groups.items():
        yield _blocked_case(queue, state, held, readings.ground.now)
    retries: dict[str, list[RetryingHolder]] = defaultdict(list)
    for retry in readings[RetryingHolders].held:
        retries[retry.queue].append(retry)
    for queue, holders in retries.items():
        yield _retrying_case(queue, holders, readings.ground.now)


def _retrying_case(queue: str, holders: Sequence[RetryingHolder], now: datetime) -> Case:
    waiting = sum(one.waiting for one in holders)
    last = max(holders, key=lambda one: one.start_after)
    due = (
        f"was due {ago(last.start_after, now)}" if last.start_after <= now else f"is due {timestamp(last.start_after)}"
    )
    far = (last.start_after - now).total_seconds() > FAR_SECONDS
    return Case(
        queue=queue,
        subject="held by retry",
        certainty=Certainty.PROVEN,
        severity=None if far else Severity.INFO,
        count=waiting,
        jobs=[job for one in holders for job in one.samples][:JOBS_SHOWN],
        since=min((one.started_on for one in holders if one.started_on), default=None),
        message=f"{some(waiting, 'due job')} of queue {queue} {'waits' if waiting == 1 else 'wait'} for"
        f" {some(len(holders), 'key')} that a job which is to run again holds; the last of these {due}",
        evidence=[_retrying_evidence(one) for one in holders[:JOBS_SHOWN]],
        advice="key_strict_fifo runs nothing of a key before its retry has run: let it run sooner (move its due time,"
        " or send with a shorter retryDelay or retryDelayMax), or delete it so that the next one runs",
        command=act_on(
            "defer",
            [one.holder for one in holders],
            "--now",
            of=len(holders) if last.start_after > now else 0,
            otherwise=("job", "explain", last.holder),
        ),
    )


def _retrying_evidence(one: RetryingHolder) -> Mapping[str, EvidenceValue]:
    return {
        "key": one.key,
        "policy": "key_strict_fifo",
        "holder": one.holder,
        "holder_state": "retry",
        "last_started": one.started_on,
        "due_on": one.start_after,
        "waiting": one.waiting,
        "oldest_waiting": one.oldest_waiting,
    }


def _blocked_case(queue: str, state: str, held: Sequence[HeldKey], now: datetime) -> Case:
    waiting = sum(one.waiting for one in held)
    oldest = min((one for one in held if one.since), key=lambda one: one.since or now, default=held[0])
    failed, named = state == "failed", list_jobs(queue)[-1]
    what = "a failed job" if failed else "an active job past its expiry"
    return Case(
        queue=queue,
        subject=f"held by {state}",
        certainty=Certainty.PROVEN,
        count=waiting,
        jobs=[job for one in held for job in one.samples][:JOBS_SHOWN],
        since=oldest.since,
        message=f"{some(waiting, 'job')} of queue {queue} {'waits' if waiting == 1 else 'wait'} for"
        f" {some(len(held), 'key')} that {what} holds"
        + (f", the first since {ago(oldest.since, now)}" if oldest.since else ""),
        evidence=[_held_evidence(one) for one in held[:JOBS_SHOWN]],
        advice="decide about the failed jobs that hold the keys: retry each, or delete it so that the next one runs"
        if failed
        else "see that a pg-boss process with supervision on runs: its next pass gives up the jobs that hold the keys;"
        " the command does so at once, while a handler may still be at work on them",
        command=act_on(
            "retry", [one.holder for one in held], of=len(held), otherwise=("job", "list", f"{named} state:failed")
        )
        if failed
        else act_on_queue("retry", queue, "stuck"),
    )


def _held_evidence(one: HeldKey) -> Mapping[str, EvidenceValue]:
    return {
        "key": one.key,
        "policy": one.policy,
        "holder": one.holder,
        "holder_state": one.state,
        "held_since": one.since,
        "waiting": one.waiting,
        "oldest_waiting": one.oldest_waiting,
    }


def slot_deadlock(readings: Readings) -> Iterator[Case]:
    """One case per queue and kind of deadlock."""
    found, now = readings[HeldSlots], readings.ground.now
    sure = ABORTING.get(readings[SchemaNumber].number or 0)
    aborting: dict[str, list[HeldKey]] = defaultdict(list)
    for one in found.held:
        if sure and one.policy == "stately" and one.state == "active" and one.retrying:
            aborting[one.queue].append(one)
    for queue, held in aborting.items():
        yield _aborting_case(queue, held, sure or Certainty.LIKELY, now)
    refused: dict[str, list[RefusedRetry]] = defaultdict(list)
    for retry in found.refused:
        refused[retry.queue].append(retry)
    for queue, retries in refused.items():
        yield _refused_case(queue, retries, now)
    for cuts in readings[CutRetries].queues:
        yield _cut_case(cuts)


def _aborting_case(queue: str, held: Sequence[HeldKey], sure: Certainty, now: datetime) -> Case:
    oldest = min((one.since for one in held if one.since), default=None)
    return Case(
        queue=queue,
        subject="maintenance aborts",
        certainty=sure,
        count=len(held),
        jobs=[one.holder for one in held][:JOBS_SHOWN],
        since=oldest,
        message=f"{some(len(held), 'active job')} of the stately queue {queue} cannot expire because a retry with the"
        " same key takes the slot: maintenance of 10.0.0 to 10.1.2 aborts on it, and then expires nothing in any queue"
        + (f"; the oldest was fetched {ago(oldest, now)}" if oldest else ""),
        evidence=[_held_evidence(one) for one in held[:JOBS_SHOWN]],
        advice="cancel the retry or the active job; upgrade to 10.1.3 or newer",
        command=list_jobs(queue, "stuck"),
    )


def _refused_case(queue: str, retries: Sequence[RefusedRetry], now: datetime) -> Case:
    oldest = min(one.start_after for one in retries)
    return Case(
        queue=queue,
        subject="retry refused",
        certainty=Certainty.PROVEN,
        count=len(retries),
        jobs=[one.id for one in retries][:JOBS_SHOWN],
        since=oldest,
        message=f"{some(len(retries), 'retry', 'retries')} of queue {queue} can never start: the queue lists"
        f" {'its key' if len(retries) == 1 else 'their keys'} as active although no job with"
        f" {'it' if len(retries) == 1 else 'them'} is; the first was due {ago(oldest, now)}",
        evidence=[
            {"id": one.id, "key": one.key, "start_after": one.start_after, "monitor_on": one.monitor_on}
            for one in retries[:JOBS_SHOWN]
        ],
        advice="upgrade to 11.0.8 or newer, whose monitor lists only the keys of active jobs",
        command=list_jobs(queue, "due"),
    )


def _cut_case(cuts: QueueCuts) -> Case:
    return Case(
        queue=cuts.queue,
        subject="retry cut off",
        certainty=Certainty.LIKELY,
        severity=Severity.INFO,
        count=cuts.jobs,
        jobs=[one.id for one in cuts.shown][:JOBS_SHOWN],
        since=cuts.first_on,
        message=f"{some(cuts.jobs, 'job')} of the stately queue {cuts.queue} failed for good with retries left: another"
        " job with the same key waited to run again, and the policy lets only one do so",
        evidence=[
            {
                "id": one.id,
                "key": one.key,
                "attempts": one.retry_count + 1,
                "retry_limit": one.retry_limit,
                "completed_on": one.completed_on,
            }
            for one in cuts.shown[:JOBS_SHOWN]
        ],
        advice="retry them when the slot is free, if their work still matters; use another policy where every job of a"
        " key counts",
        command=act_on(
            "retry",
            [one.id for one in cuts.shown],
            of=cuts.jobs,
            otherwise=("job", "list", f"{list_jobs(cuts.queue)[-1]} state:failed"),
        ),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK04",
        slug="key-blocked",
        title="a failed, active or retrying job holds the key that others wait for",
        severity=Severity.WARNING,
        needs=(HeldSlots, RetryingHolders),
        what="Looks for jobs that wait for a key which a failed job (policy key_strict_fifo) or an active job past its"
        " expiry (singleton, stately, key_strict_fifo) holds, or a retry (key_strict_fifo) that is due only after more"
        " than an hour, or has been for more than ten minutes (info, unless it is due after more than a day). A key"
        " held by work that goes on is no fault.",
        why="Nothing with that key runs until somebody settles the job that holds it.",
        confirm="bossctl job show ID of the holder shows its state and what it ended with.",
        fix="Retry or delete the failed job; expire the active one by running maintenance; let the retry run sooner.",
        releases="10.0.0 and newer; key_strict_fifo since 12.10.0",
        judge=key_blocked,
    ),
    Check(
        code="STK05",
        slug="slot-deadlock",
        title="a retry can never start because its policy slot is taken; or maintenance aborts on it",
        severity=Severity.ERROR,
        needs=(HeldSlots, CutRetries, SchemaNumber),
        what="Looks for an active job of a stately queue past its expiry beside a retry with the same key, on which"
        " maintenance of 10.0.0 to 10.1.2 aborts; and for retries whose key 11.0 lists as active though none is. Jobs"
        " of stately queues that failed with retries left are told as info.",
        why="The first stops expiry in every queue, the second leaves a job waiting for ever, the third ends work"
        " early.",
        confirm="bossctl info shows when maintenance last ran; bossctl job list is:due shows what waits.",
        fix="Cancel one of the two jobs, and upgrade.",
        releases="10.0.0 to 10.1.2 (schema 21 to 23), 11.0.0 to 11.0.7 (schema 25); failed with retries left: 10.1.3"
        " and newer",
        judge=slot_deadlock,
    ),
)
