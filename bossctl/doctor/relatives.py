"""DUP08, DUP12 and DUP13: jobs that share an id, a batch or an ancestor with another that ran."""

from __future__ import annotations

from collections.abc import Iterator

from bossctl.doctor.check import Case, Check, Readings
from bossctl.doctor.words import list_jobs, some
from bossctl.models.findings import Certainty, Severity
from bossctl.models.readings_duplicates import DeadLetterPairs, FailedBatches, ReusedIds


def id_seen_twice(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    for one in readings[ReusedIds].queues:
        yield Case(
            queue=one.queue,
            subject="ids",
            certainty=Certainty.PROVEN,
            count=one.ids,
            jobs=[seen.id for seen in one.shown],
            since=one.since,
            message=f"{some(one.ids, 'id')} of queue {one.queue} belonged to more than one job: sent again after the"
            " first had been archived",
            evidence=[
                {
                    "id": seen.id,
                    "first_created_on": seen.first_on,
                    "last_created_on": seen.last_on,
                    "archived": seen.archived,
                    "live": seen.live,
                }
                for seen in one.shown
            ],
            advice="an id of your own only holds a second send back while the first job is in the job table: archive"
            " later (archiveCompletedAfterSeconds), or let the application remember what it has sent",
            command=list_jobs(one.queue),
        )


def batch_rerun(readings: Readings) -> Iterator[Case]:
    """One case per queue."""
    for one in readings[FailedBatches].queues:
        yield Case(
            queue=one.queue,
            subject="batches",
            certainty=Certainty.LIKELY,
            count=one.jobs,
            jobs=[job_id for batch in one.shown for job_id in batch.ids],
            since=one.since,
            message=f"{some(one.jobs, 'job')} of queue {one.queue} in {some(one.batches, 'batch', 'batches')} wait to"
            " run again: fetched at the same instant and failed with the same words, as one throw fails a whole batch",
            evidence=[
                {"started_on": batch.started_on, "jobs": batch.jobs, "reason": batch.reason, "ids": batch.ids}
                for batch in one.shown
            ],
            advice="members that were done before the throw run again: let the handler catch the error of each job,"
            " work with batchSize 1, or use perJobResults (12.21 and newer)",
            command=list_jobs(one.queue),
        )


def redriven_and_retried(readings: Readings) -> Iterator[Case]:
    """One case per queue of the originals."""
    for one in readings[DeadLetterPairs].queues:
        yield Case(
            queue=one.queue,
            subject="dead letters",
            certainty=Certainty.PROVEN,
            count=one.pairs,
            jobs=[pair.original for pair in one.shown],
            since=one.since,
            message=f"{some(one.pairs, 'failed job')} of queue {one.queue} ran or will run again although the dead"
            " letter made of it was worked on too",
            evidence=[
                {
                    "original": pair.original,
                    "original_state": pair.original_state,
                    "original_started_on": pair.original_started_on,
                    "copy": pair.copy,
                    "copy_queue": pair.copy_queue,
                    "copy_state": pair.copy_state,
                    "copy_started_on": pair.copy_started_on,
                    "copied_on": pair.copied_on,
                }
                for pair in one.shown
            ],
            advice="choose one way back: redrive or work on the dead letter, or retry the original, never both",
            command=list_jobs(one.queue),
        )


CHECKS: tuple[Check, ...] = (
    Check(
        code="DUP08",
        slug="id-seen-twice",
        title="one id in job and archive, or twice in the archive",
        severity=Severity.WARNING,
        needs=(ReusedIds,),
        what="Looks for ids that are in the job table and in the archive or, on 8 and 9, in the archive twice.",
        why="A job sent with an id of one's own is refused only while the first is in the job table; once that is"
        " archived the same work is taken again.",
        confirm="Compare the two created_on in the evidence with what the application sent.",
        fix="Archive later, or let the application remember what it has sent.",
        releases="8.0.0 to 10.4.2; from 11 on there is no archive, and a removed job leaves no trace",
        judge=id_seen_twice,
    ),
    Check(
        code="DUP12",
        slug="batch-rerun",
        title="one throw failed a whole batch, finished members run again",
        severity=Severity.INFO,
        needs=(FailedBatches,),
        what="Looks for jobs that wait to run again with the same started_on and the same recorded failure; expiries,"
        " lost heartbeats and shutdowns are left to their own checks.",
        why="A handler that works on several jobs at once fails all of them by one throw, also those it had done.",
        confirm="See in the application's log how far the handler came in the batches named.",
        fix="Catch errors job by job, work with batchSize 1, or use perJobResults (12.21 and newer).",
        releases="all, with batchSize above 1",
        judge=batch_rerun,
    ),
    Check(
        code="DUP13",
        slug="redriven-and-retried",
        title="the dead letter and its original both ran",
        severity=Severity.WARNING,
        needs=(DeadLetterPairs,),
        what="Compares dead letters (and from 12.35 on the jobs redriven from them) that were fetched with the jobs"
        " they were made of: were these retried?",
        why="The same work goes on in two jobs with different ids, and nothing holds one of them back.",
        confirm="bossctl job show ID of both: same data.",
        fix="Redrive, or work on the dead letter queue, or retry the original: one of them.",
        releases="12.23.0 and newer; before that a dead letter does not name its original",
        judge=redriven_and_retried,
    ),
)
