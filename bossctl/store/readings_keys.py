"""The doctor's reading of keys that keep other keys from being fetched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bossctl.models.readings_keys import (
    Colliding,
    CutRetries,
    CutRetry,
    Head,
    Hiding,
    QueueCuts,
    RetryingHolder,
    RetryingHolders,
    Starvation,
    Starved,
)
from bossctl.store.connections import Row
from bossctl.store.scope import SAMPLES, Scope, pass_grace
from bossctl.store.session import Transaction

PROBING = 46
"""From this schema number on a fetch looks for itself which keys are active."""

KEYLESS_HIDDEN = range(25, 37)
"""11.0.0 to 12.25.1 leave jobs without a key out as soon as any key is listed."""

CLOSING = range(27, 37)
"""12.6.0 to 12.25.1 fetch nothing while a job without a key is listed; so do later releases of schema 26."""

STRICT_FIFO_COLLIDES = range(28, 38)
"""12.10.0 to 12.27.0 fetch from key_strict_fifo queues without a look at the keys that are held."""

SELF_COLLIDING = range(21, 25)
"""Schema numbers of 10; 10.4.0 takes one job per key in a batch."""

REFUSING_RETRIES = 25
"""The monitor of 11.0 lists retries as active: STK05 tells of these."""

FAR_SECONDS = 3600.0
"""A retry that is due within the hour keeps its key as it should."""

LATE_SECONDS = 600.0
"""A retry that has been due for so long is one that nobody takes."""

SMALL_ROWS = 200_000
"""As many jobs are looked through for blocked ones though there is no trace of flows."""


async def take_retrying_holders(transaction: Transaction, scope: Scope) -> RetryingHolders:
    """Keys that retries keep. Raises Unsupported where there are no policies."""
    values = {"policies": ["key_strict_fifo"], "names": scope.bound_names}
    names = [row["name"] for row in await transaction.rows("keyed_queues", values)]
    if not names:
        return RetryingHolders(())
    bound = {"names": names, "far": FAR_SECONDS, "patience": LATE_SECONDS}
    rows = await transaction.rows("retrying_holders", bound)
    return RetryingHolders(tuple(RetryingHolder(**{**row, "samples": tuple(row["samples"])}) for row in rows))


async def take_cut_retries(transaction: Transaction, scope: Scope) -> CutRetries:
    """Jobs that ended because the slot of a retry was taken. Raises Unsupported where there are no policies."""
    values = {"policies": ["stately"], "names": scope.bound_names}
    names = [row["name"] for row in await transaction.rows("keyed_queues", values)]
    if not names:
        return CutRetries(())
    queues: dict[str, list[Row]] = defaultdict(list)
    for row in await transaction.rows("cut_retries", {"names": names, "shown": SAMPLES}, since=scope.since):
        queues[row["queue"]].append(row)
    return CutRetries(
        tuple(QueueCuts(queue, rows[0]["jobs"], rows[0]["first_on"], _cuts(rows)) for queue, rows in queues.items())
    )


def _cuts(rows: Sequence[Row]) -> tuple[CutRetry, ...]:
    return tuple(
        CutRetry(row["id"], row["key"], row["retry_count"], row["retry_limit"], row["completed_on"]) for row in rows
    )


async def unlinked_children(transaction: Transaction, scope: Scope) -> list[Row]:
    """Rows as those of `blocked_flows`, for blocked jobs where no link is left at all."""
    catalog = transaction.queries.catalog
    traces = await transaction.row("link_traces", {"schema": catalog.schema}) or {}
    rows = catalog.estimated_rows
    if traces.get("linked") or not (traces.get("used") or rows is None or rows < SMALL_ROWS):
        return []
    return await transaction.rows("unlinked_children", {"names": scope.bound_names, "shown": SAMPLES})


async def take_starvation(transaction: Transaction, scope: Scope) -> Starvation:
    """Jobs hidden by a key. Raises Unsupported where there are no policies."""
    number = ((await transaction.row("version")) or {}).get("version")
    policies = [] if _probes(transaction, number) else ["singleton", "stately"]
    if number in STRICT_FIFO_COLLIDES:
        policies.append("key_strict_fifo")
    queues = await transaction.rows("keyed_queues", {"policies": policies, "names": scope.bound_names})
    grace = await pass_grace(transaction)
    if not queues:
        return Starvation(number, (), (), grace)
    by_name = {row["name"]: row for row in queues}
    hidden = _hiding(queues, number)
    heads = await _heads(transaction, list(by_name), hidden)
    starved: list[Row] = []
    if suspects := sorted({*heads, *hidden.queues}):
        values = {"names": suspects, "headed": list(heads), "refused": number == REFUSING_RETRIES, **hidden.bound()}
        starved = await transaction.rows("starved_keys", values)
    colliding: list[Row] = []
    if number in SELF_COLLIDING:
        colliding = await transaction.rows("colliding_heads", {"names": list(by_name)})
    seen = sorted({row["queue"] for row in (*starved, *colliding)})
    pace = await transaction.rows("queue_pace", {"names": seen}) if seen else []
    last = {row["queue"]: row["last_started"] for row in pace}
    rests = await _rests(transaction, starved)
    return Starvation(
        number=number,
        starved=tuple(_starved(row, by_name[row["queue"]], heads, rests, last.get(row["queue"])) for row in starved),
        colliding=tuple(
            Colliding(
                queue=row["queue"],
                policy=by_name[row["queue"]]["policy"],
                key=row["key"],
                since=row["due_on"],
                samples=tuple(row["samples"]),
                last_started=last.get(row["queue"]),
            )
            for row in colliding
        ),
        grace_seconds=grace,
    )


def _probes(transaction: Transaction, number: int | None) -> bool:
    return transaction.queries.catalog.has("index:i14") or (number or 0) >= PROBING


@dataclass(frozen=True)
class _Hidden:
    """What the lists of active keys leave out of a fetch: (queue, key) pairs, jobs without a key, all jobs."""

    keys: Sequence[tuple[str, str]]
    keyless: Sequence[str]
    closed: Sequence[str]

    @property
    def queues(self) -> frozenset[str]:
        """The queues of which something is left out."""
        return frozenset({*(name for name, _ in self.keys), *self.keyless, *self.closed})

    def bound(self) -> Mapping[str, object]:
        """As the statements take them."""
        return {
            "hidden_names": [name for name, _ in self.keys],
            "hidden_keys": [key for _, key in self.keys],
            "keyless": list(self.keyless),
            "closed": list(self.closed),
        }


async def _heads(transaction: Transaction, names: list[str], hidden: _Hidden) -> Mapping[str, Head]:
    rows = await transaction.rows("held_heads", {"names": names, **hidden.bound()})
    return {row.pop("queue"): Head(**row) for row in map(dict, rows)}


def _hiding(queues: Sequence[Row], number: int | None) -> _Hidden:
    lists = {row["name"]: row["listed"] for row in queues if row["listed"]}
    old = number in KEYLESS_HIDDEN
    return _Hidden(
        keys=[(name, key or "") for name, keys in lists.items() for key in keys if key is not None or not old],
        keyless=list(lists) if old else [],
        closed=[name for name, keys in lists.items() if number in CLOSING and None in keys],
    )


async def _rests(transaction: Transaction, starved: Sequence[Row]) -> Mapping[str, datetime]:
    names = [row["queue"] for row in starved if row["reason"] == Hiding.KEYLESS]
    rows = await transaction.rows("keyless_rests", {"names": names}) if names else []
    return {row["queue"]: row["last_on"] for row in rows}


def _starved(
    row: Row, queue: Row, heads: Mapping[str, Head], rests: Mapping[str, datetime], last_started: datetime | None
) -> Starved:
    hiding = Hiding(row["reason"])
    head = heads.get(row["queue"]) if hiding is Hiding.HEAD else None
    match hiding:
        case Hiding.HEAD:
            began = (head.due_on, head.held_since) if head else ()
        case Hiding.KEYLESS:
            began = (rests.get(row["queue"]),)
        case Hiding.CLOSED:
            began = (row["keyless_since"] or queue["monitor_on"],)
        case Hiding.STALE:
            began = (queue["monitor_on"],)
    return Starved(
        queue=row["queue"],
        policy=queue["policy"],
        hiding=hiding,
        jobs=row["jobs"],
        keys=row["keys"],
        oldest_due=row["oldest_due"],
        since=max(moment for moment in (row["oldest_due"], *began) if moment is not None),
        samples=tuple(row["samples"]),
        head=head,
        monitor_on=queue["monitor_on"],
        last_started=last_started,
    )
