"""CFG01, CFG02, CFG04 and CFG05: what jobs' run times and failures say about their queue's settings."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import list_jobs, some
from bossctl.format import duration
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings_settings import QueueSettings, Runs, RunTimes, RunTotals
from bossctl.models.readings_stuck import Heartbeats

LONGEST_EXPIRY = 86_400
"""pg-boss refuses an expiry over 24 hours."""

STORM_RERUNS = 100


def expiry_too_short(readings: Readings) -> Iterator[Case]:
    """One case per queue of which at least one run in a hundred reached its expiry."""
    found = readings[Runs]
    for times in found.times:
        if times.beyond * 100 >= times.runs and times.beyond:
            yield _expiry_case(times, found)


def _expiry_case(times: RunTimes, found: Runs) -> Case:
    value = advised_expiry(times)
    own = found.settable and times.queue_expire_seconds not in (None, round(times.expire_seconds))
    sure = Certainty.PROVEN if times.runs >= 100 else Certainty.LIKELY if times.runs >= 20 else Certainty.POSSIBLE
    if not times.rows:
        sure = Certainty.POSSIBLE
    command: tuple[str, ...] = ("queue", "show", times.queue)
    if found.settable and not own and value > times.expire_seconds:
        command = ("queue", "ensure", times.queue, "--expire-in", _typed(value))
    return Case(
        queue=times.queue,
        subject="expiry",
        certainty=sure,
        count=times.beyond,
        jobs=times.samples[: times.beyond],
        since=times.first_on,
        message=f"{times.beyond:,} of {some(times.runs, 'run')} of queue {times.queue} reached the expiry of"
        f" {duration(times.expire_seconds)} ({_told_of(times)}):"
        f" p50 {duration(times.p50)}, p95 {duration(times.p95)}, p99 {duration(times.p99)}{_counted(times)}",
        evidence=[
            {
                "runs": times.runs,
                "beyond_expiry": times.beyond,
                "overran": times.overran,
                "expire_seconds": times.expire_seconds,
                "queue_expire_seconds": times.queue_expire_seconds,
                "p50_seconds": round(times.p50, 3),
                "p95_seconds": round(times.p95, 3),
                "p99_seconds": round(times.p99, 3),
                "percentiles_of": "latency bins" if times.counted else "rows",
                "longest_seconds": round(times.longest, 3),
                "advised_expire_seconds": value,
            }
        ],
        advice=_expiry_advice(times, found, own, value),
        command=command,
    )


def _told_of(times: RunTimes) -> str:
    if times.rows:
        return f"{times.overran:,} were failed by it while their handler ran"
    return "the queue's; the jobs are gone, and whether they had one of their own"


def _counted(times: RunTimes) -> str:
    if not times.counted:
        return ""
    return f", by the latency bins of {some(times.counted, 'run')} that pg-boss recorded (a factor of 1.4 at most off)"


def advised_expiry(times: RunTimes) -> int:
    """Twice the longest run, since what overran ran on for nobody knows how long; rounded up, 24 hours at most."""
    wanted = 2 * max(times.longest, times.p99, times.expire_seconds if times.overran else 0.0)
    step = 5 if wanted <= 60 else 60 if wanted <= 3600 else 900
    return min(LONGEST_EXPIRY, math.ceil(wanted / step) * step)


def _typed(seconds: int) -> str:
    return f"{seconds // 60}m" if seconds >= 60 and seconds % 60 == 0 else f"{seconds}s"


def _expiry_advice(times: RunTimes, found: Runs, own: bool, value: int) -> str:
    if value <= times.expire_seconds:
        return "the expiry is as long as pg-boss lets it be: split the work into smaller jobs, or mend what hangs"
    if not found.settable:
        return f"send these jobs with expireInSeconds of {value} or more; 8 and 9 keep no options per queue"
    if own:
        return (
            f"these jobs are sent with an expiry of their own, the queue's is {times.queue_expire_seconds} s: send them"
            f" with expireInSeconds of {value} or more, or without"
        )
    return (
        f"set it to {_typed(value)}, twice what was seen, for jobs sent from then on; stop handlers that overrun by"
        " job.signal (12.4 and newer)"
    )


def retry_storm(readings: Readings) -> Iterator[Case]:
    """One case per queue whose jobs mostly ran again at once, often."""
    found = readings[Runs]
    for one in found.totals:
        if one.hasty_reruns >= STORM_RERUNS and one.hasty * 2 >= one.jobs:
            yield _storm_case(one, found.settable)


def _storm_case(one: RunTotals, settable: bool) -> Case:
    ensure = ("queue", "ensure", one.queue, "--retry-delay", "30s", "--retry-backoff")
    return Case(
        queue=one.queue,
        subject="retries",
        certainty=Certainty.PROVEN,
        count=one.hasty,
        message=f"{one.hasty:,} of {some(one.jobs, 'job')} of queue {one.queue} ran again {one.hasty_reruns:,} times"
        " in all, each time at once: they have neither retry delay nor backoff",
        evidence=[{"jobs": one.jobs, "rerun_jobs": one.hasty, "reruns": one.hasty_reruns}],
        advice="give what fails time to recover: a retry delay with backoff, for jobs sent from then on"
        if settable
        else "send these jobs with retryDelay and retryBackoff",
        command=ensure if settable else list_jobs(one.queue, "rerun"),
    )


def failures_are_lost(readings: Readings) -> Iterator[Case]:
    """One case per queue with failures that nothing picks up."""
    queues = readings[QueueSettings].queues
    found = readings[Runs]
    for one in found.totals:
        setting = queues.get(one.queue)
        if one.lost and setting and not setting.dead_letter and one.queue not in found.dead_letters:
            yield Case(
                queue=one.queue,
                subject="no dead letter",
                certainty=Certainty.PROVEN,
                count=one.lost,
                message=f"{some(one.lost, 'job')} of queue {one.queue} failed for good and went to no dead-letter"
                " queue: they are removed with their retention",
                evidence=[{"failed": one.lost, "dead_letter": None}],
                advice=f"name a dead-letter queue, for instance {one.queue}-dead (ensure that one first), or see that"
                " somebody looks at failures in time",
                command=("job", "list", f"{list_jobs(one.queue)[-1]} state:failed"),
            )


def no_heartbeat(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    found, queues = readings[Runs], readings[QueueSettings].queues
    for one in found.totals if found.heartbeats else ():
        setting = queues.get(one.queue)
        if one.long and setting and setting.heartbeat_seconds is None:
            yield Case(
                queue=one.queue,
                subject="heartbeat",
                certainty=Certainty.PROVEN,
                count=one.long,
                message=f"{some(one.long, 'job')} of queue {one.queue} ran for more than {duration(found.long_seconds)}"
                " without a heartbeat: when their worker dies nobody knows before they expire",
                evidence=[{"long_runs": one.long, "expire_seconds": setting.expire_seconds}],
                advice="a heartbeat tells a dead worker from a slow one within seconds; workers send it by themselves",
                command=("queue", "ensure", one.queue, "--heartbeat", "60s"),
            )


CHECKS: tuple[Check, ...] = (
    Check(
        code="CFG01",
        slug="expiry-too-short",
        title="expire_seconds below the observed p99 run time",
        severity=Severity.WARNING,
        needs=(Runs,),
        what="Where one run in a hundred or more reached its expiry, takes p50, p95 and p99 of the run times in the"
        " window: from the latency bins that pg-boss records (12.36 and newer, with persistQueueStats), else exactly"
        " from rows. What failed by 'handler execution exceeded' counts as a run of at least its expiry.",
        why="A job that expires runs again while its first run may go on: this is the root of DUP02.",
        confirm="bossctl job list 'queue:NAME run:90s..' shows the runs longer than 90 s.",
        fix="Raise the expiry above the longest honest run, or make the work shorter.",
        releases="all; 8 and 9 keep no options per queue, so the value belongs into what is sent",
        judge=expiry_too_short,
    ),
    Check(
        code="CFG02",
        slug="retry-storm",
        title="many retries with neither delay nor backoff",
        severity=Severity.WARNING,
        needs=(Runs,),
        what=f"Tells queues with {STORM_RERUNS} reruns or more in the window, of half their jobs or more, none of which"
        " waited for a delay.",
        why="What failed fails again a moment later: retries are used up before a fault passes, and they load what is"
        " already down.",
        confirm="bossctl job list 'queue:NAME is:rerun' shows the jobs.",
        fix="Set a retry delay and backoff.",
        releases="all",
        judge=retry_storm,
    ),
    Check(
        code="CFG04",
        slug="failures-are-lost",
        title="work fails with no retry left and no dead letter",
        severity=Severity.INFO,
        needs=(Runs, QueueSettings),
        what="Counts jobs that failed for good in the window, on queues without a dead-letter queue that are none"
        " themselves.",
        why="Nothing reminds of them: they are removed when their retention ends.",
        confirm="bossctl job list 'queue:NAME state:failed' shows the jobs.",
        fix="bossctl queue ensure NAME --dead-letter Q",
        releases="10.0.0 and newer",
        judge=failures_are_lost,
    ),
    Check(
        code="CFG05",
        slug="no-heartbeat-on-long-jobs",
        title="runs for long where heartbeats exist but are off",
        severity=Severity.INFO,
        needs=(Heartbeats, Runs, QueueSettings),
        what="Counts jobs that ran for more than ten minutes without a heartbeat.",
        why="Until a long expiry ends, a job whose worker died looks like one that runs.",
        confirm="bossctl job list 'queue:NAME run:10m..' shows the jobs.",
        fix="bossctl queue ensure NAME --heartbeat 60s",
        releases="12.12.0 and newer",
        judge=no_heartbeat,
    ),
)
