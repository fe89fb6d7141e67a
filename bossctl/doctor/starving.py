"""STK: due jobs that are not fetched because of another key of their queue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import ago, list_jobs, some
from bossctl.format import duration
from bossctl.models.findings import Certainty, EvidenceValue, Severity
from bossctl.models.readings_keys import Colliding, Head, Hiding, Starvation, Starved
from bossctl.selector import Is, SingletonKey, to_text

CACHE_SECONDS = 60.0
"""11 and newer keep what they know of a queue, its list of active keys too, for so long."""

KEYLESS_SECONDS = 300.0
"""A list of active keys may be two passes old, and the jobs it hides come later still."""

BATCH_SECONDS = 600.0
"""How long two jobs of one key may wait together before a worker that fetches both is thought of."""

UNPROBED = (44, 45)
"""Nobody ran 12.36 and 12.37, the releases between the fault and its repair."""

MIXED = 24
"""Schema number of 10.1.5 to 10.4.2: batches collide up to 10.3.3."""

_SUBJECTS = {
    Hiding.HEAD: "head of line",
    Hiding.KEYLESS: "jobs without a key",
    Hiding.CLOSED: "list with no key",
    Hiding.STALE: "stale list",
}


def starved_by_key(readings: Readings) -> Iterator[Case]:
    """One case per queue and reason."""
    found, now = readings[Starvation], readings.ground.now
    for one in found.starved:
        if (now - one.since).total_seconds() > _patience(one.hiding, found.grace_seconds, readings.ground.generation):
            yield _starved_case(one, found.number, readings)
    for pair in found.colliding:
        worked = pair.last_started is not None and pair.last_started < pair.since
        if worked and (now - pair.since).total_seconds() > BATCH_SECONDS:
            yield _batch_case(pair, found.number, readings)


def _patience(hiding: Hiding, grace: float, generation: str) -> float:
    if hiding is Hiding.KEYLESS:
        return max(KEYLESS_SECONDS, grace + CACHE_SECONDS)
    return grace + CACHE_SECONDS if generation == "11-12" else grace


def _starved_case(one: Starved, number: int | None, readings: Readings) -> Case:
    now = readings.ground.now
    verb = "is" if one.jobs == 1 else "are"
    return Case(
        queue=one.queue,
        subject=_SUBJECTS[one.hiding],
        certainty=_certainty(one, number),
        count=one.jobs,
        jobs=one.samples,
        since=one.since,
        message=f"{some(one.jobs, 'due job')} of the {one.policy} queue {one.queue} with {some(one.keys, 'free key')}"
        f" {verb} not fetched: {_because(one, readings)}; so since {ago(one.since, now)}",
        evidence=[_evidence(one)],
        advice=_advice(one.hiding, readings.ground.generation),
        command=_command(one.queue, one.head) if one.head else ("queue", "show", one.queue),
    )


def _certainty(one: Starved, number: int | None) -> Certainty:
    if number in UNPROBED:
        return Certainty.POSSIBLE
    taken = one.last_started is not None and one.last_started > one.since
    return Certainty.LIKELY if taken or one.hiding is Hiding.KEYLESS else Certainty.PROVEN


def _because(one: Starved, readings: Readings) -> str:
    match one.hiding:
        case Hiding.HEAD:
            told = _blocked_head(one.head) if one.head else ""
        case Hiding.KEYLESS:
            told = "they have no singleton key, and 11.0 to 12.25 leave such jobs out while any key is listed as active"
        case Hiding.CLOSED:
            told = "a job without a singleton key is listed as active, and up to 12.25 that hides every job"
        case Hiding.STALE:
            told = "the queue lists their keys as active though no job with them is"
    if one.monitor_on is None:
        unlisted = readings.ground.generation == "11-12" and one.hiding is Hiding.HEAD
        return told + ("; the queue's active keys were never listed" if unlisted else "")
    age = (readings.ground.now - one.monitor_on).total_seconds()
    return f"{told}; the list of active keys is {duration(age)} old"


def _blocked_head(head: Head) -> str:
    key = f'"{head.key}"' if head.key else "(none)"
    return (
        f"job {head.id} is first in line, its key {key} is held by {head.holder_state} job {head.holder}, and every"
        " fetch fails on it"
    )


def _advice(hiding: Hiding, generation: str) -> str:
    if hiding is Hiding.HEAD:
        supervise = "" if generation == "10" else ", or run a pg-boss process with supervision on, which lists the key"
        return (
            f"settle the job that holds the key{supervise}; moving the due time of the jobs that wait for it lets the"
            " others run meanwhile; 12.38.0 and newer pass over held keys"
        )
    if hiding is Hiding.STALE:
        return "run a pg-boss process with supervision on: its next pass lists the active keys anew"
    return (
        "run a pg-boss process with supervision on, send each job of this queue with a singleton key, and upgrade to"
        " 12.26.0 or newer"
    )


def _command(queue: str, head: Head) -> tuple[str, ...]:
    """What lets the others run: end the wait for the key, or let those wait that hide them."""
    match head.holder_state:
        case "failed":
            return ("job", "retry", head.holder)
        case "active" if head.key:
            named = f"{list_jobs(queue)[-1]} {to_text(SingletonKey(head.key))} {to_text(Is('due'))}"
            return ("job", "defer", named, "--by", "15m")
        case _:
            return ("job", "show", head.holder)


def _evidence(one: Starved) -> Mapping[str, EvidenceValue]:
    row: dict[str, EvidenceValue] = {
        "policy": one.policy,
        "jobs": one.jobs,
        "keys": one.keys,
        "oldest_due": one.oldest_due,
        "starved_since": one.since,
        "keys_listed_on": one.monitor_on,
        "last_started": one.last_started,
    }
    if one.head:
        row |= {
            "head": one.head.id,
            "head_key": one.head.key,
            "head_due": one.head.due_on,
            "holder": one.head.holder,
            "holder_state": one.head.holder_state,
            "held_since": one.head.held_since,
        }
    return row


def _batch_case(pair: Colliding, number: int | None, readings: Readings) -> Case:
    possible = number == MIXED
    key = f'singleton key "{pair.key}"' if pair.key else "no singleton key"
    return Case(
        queue=pair.queue,
        subject="batch of one key",
        certainty=Certainty.POSSIBLE if possible else Certainty.LIKELY,
        severity=Severity.INFO if possible else None,
        count=len(pair.samples),
        jobs=pair.samples,
        since=pair.since,
        message=f"the first two due jobs of the {pair.policy} queue {pair.queue} both have {key}, which nobody holds,"
        f" and nothing was fetched since the second became due {ago(pair.since, readings.ground.now)}: up to 10.3.3 a"
        " fetch of more than one job takes both and fails",
        evidence=[{"key": pair.key, "policy": pair.policy, "since": pair.since, "last_started": pair.last_started}],
        advice="let the workers of this queue fetch one job at a time (batchSize 1), or upgrade to 10.4.0 or newer; if"
        " they do already, no worker is there",
        command=list_jobs(pair.queue, "due"),
    )


CHECKS: tuple[Check, ...] = (
    Check(
        code="STK11",
        slug="starved-by-key",
        title="an older job whose key is active hides the other keys",
        severity=Severity.WARNING,
        needs=(Starvation,),
        what="Looks on singleton and stately queues (key_strict_fifo from 12.10 to 12.27) for due jobs whose slot is"
        " free and which are not fetched, for more than four minutes (10) or three (11 and newer): because the job that"
        " a fetch takes first has its slot taken and the whole fetch fails; because the queue's list of active keys is"
        " stale, or hides jobs without a key (11.0 to 12.25); or because a batch holds one key twice (up to 10.3.3).",
        why="Work of other keys waits for a key it has nothing to do with: in 10 as long as that key is active, from 11"
        " to 12.35 until the next monitor pass reaches the workers, and for ever where nobody supervises.",
        confirm="bossctl job list 'queue:NAME is:due' shows who is first in line; bossctl job show ID shows its key.",
        fix="Keep a supervisor running, give each job of such a queue a singleton key, fetch one job at a time on 10,"
        " upgrade to 12.38.0.",
        releases="10.0.0 to 12.35.0, and perhaps 12.36 and 12.37; jobs without a key 11.0.0 to 12.25.1; key_strict_fifo"
        " 12.10.0 to 12.27.0; batches 10.0.0 to 10.3.3",
        judge=starved_by_key,
    ),
)
