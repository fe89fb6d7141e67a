"""Which pg-boss releases a schema number stands for, and what each brought (FACTS §1)."""

from __future__ import annotations

from dataclasses import dataclass

NEWEST_KNOWN = 46

RELEASES: dict[int, tuple[str, str]] = {
    20: ("8.0.0", "9.0.3"),
    21: ("10.0.0", "10.0.5"),
    22: ("10.0.6", "10.1.0"),
    23: ("10.1.1", "10.1.4"),
    24: ("10.1.5", "10.4.2"),
    25: ("11.0.0", "11.0.8"),
    26: ("11.1.0", "12.5.4"),
    27: ("12.6.0", "12.9.0"),
    28: ("12.10.0", "12.10.0"),
    29: ("12.11.0", "12.11.1"),
    30: ("12.12.0", "12.18.3"),
    31: ("12.19.0", "12.20.0"),
    32: ("12.21.0", "12.21.1"),
    33: ("12.22.0", "12.22.0"),
    34: ("12.23.0", "12.23.1"),
    35: ("12.24.0", "12.24.0"),
    36: ("12.24.1", "12.25.1"),
    37: ("12.26.0", "12.27.0"),
    38: ("12.28.0", "12.28.1"),
    39: ("12.29.0", "12.29.0"),
    40: ("12.30.0", "12.30.0"),
    41: ("12.31.0", "12.32.0"),
    42: ("12.33.0", "12.34.0"),
    43: ("12.35.0", "12.35.0"),
    44: ("12.36.0", "12.36.0"),
    45: ("12.37.0", "12.37.0"),
    46: ("12.38.0", "12.38.0"),
}


def releases_of(schema_number: int | None) -> str | None:
    """`10.1.5 – 10.4.2` for 24; None when the number is not known."""
    span = RELEASES.get(schema_number) if schema_number is not None else None
    if span is None:
        return None
    first, last = span
    return first if first == last else f"{first} – {last}"


@dataclass(frozen=True)
class Feature:
    """Something some releases have: the catalog fact that shows it, in words, and what brought it."""

    fact: str
    name: str
    release: str
    schema: int
    until: str | None = None

    @property
    def since(self) -> str:
        """`12.12.0 (schema 30)`, with the last release where it went away again."""
        span = f"{self.release} (schema {self.schema})"
        return f"{span} until {self.until}" if self.until else span


FEATURES: tuple[Feature, ...] = (
    Feature("archive", "archive table", "8.0.0", 20, until="10.4.2"),
    Feature("queue", "queue table, policies, dead letters", "10.0.0", 21),
    Feature("queue.active_count", "cached counters per queue", "11.0.0", 25),
    Feature("schedule.key", "several schedules per queue", "11.0.0", 25),
    Feature("index:i6", "policy exclusive", "11.1.0", 26),
    Feature("job.group_id", "job groups", "12.6.0", 27),
    Feature("bam", "background migrations", "12.6.0", 27),
    Feature("index:i8", "policy key_strict_fifo", "12.10.0", 28),
    Feature("warning", "stored warnings", "12.11.0", 29),
    Feature("job.heartbeat_on", "heartbeats", "12.12.0", 30),
    Feature("job_dependency", "flows", "12.19.0", 31),
    Feature("queue.notify", "LISTEN/NOTIFY wake-ups", "12.21.0", 32),
    Feature("queue.failed_count", "cached count of failed jobs", "12.21.0", 32),
    Feature("job.source_id", "dead-letter provenance", "12.23.0", 34),
    Feature("queue_stats", "queue statistics history", "12.24.0", 35),
    Feature("schedule.kind", "rrule schedules", "12.31.0", 41),
    Feature("fn:job_now", "database clock function", "12.33.0", 42),
    Feature("queue.completed_delta", "throughput deltas", "12.35.0", 43),
    Feature("instance", "instance registry", "12.36.0", 44),
    Feature("job.upsert_by_key", "upsert by key", "12.37.0", 45),
    Feature("index:i14", "indexes for live counts and lists", "12.38.0", 46),
)


def feature(fact: str) -> Feature | None:
    """The feature a catalog fact belongs to, or None for a fact no release note names."""
    return next((item for item in FEATURES if item.fact == fact), None)
