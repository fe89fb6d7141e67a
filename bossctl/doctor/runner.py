"""A doctor run: readings in one snapshot, judges over them, a report in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from time import perf_counter

from bossctl.doctor.catalogue import CHECKS
from bossctl.doctor.check import Check, Readings
from bossctl.errors import MissingPrivilege, NotFound, StatementTimeout, Unsupported, UsageError
from bossctl.format import clean
from bossctl.models.common import Target
from bossctl.models.findings import Certainty, CheckResult, Finding, Report, Status
from bossctl.models.readings import Ground, SchemaNumber
from bossctl.models.readings_storage import LongPayloads
from bossctl.store import Store
from bossctl.store.readings import READINGS, Scope, known_queues, take_ground
from bossctl.store.readings_era import check_reading
from bossctl.store.session import Transaction
from bossctl.store.translate import SchemaChanged

Progress = Callable[[str], None]

_CERTAINTIES = tuple(Certainty)


@dataclass(frozen=True)
class DoctorRequest:
    """What to look for. `queues` are globs; `timeout_seconds` is for each reading, None the connection's own.

    `identical_seconds` is how far back identical jobs are looked for, within `since_seconds`.
    """

    queues: tuple[str, ...] = ()
    since_seconds: int = 7 * 86_400
    window_seconds: int = 60
    identical_seconds: int = 86_400
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    timeout_seconds: float | None = None


def choose(only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Check, ...]:
    """The checks that `only` and `skip` leave, in the catalogue's order. Codes, slugs and families, in any case.

    Raises UsageError for a name that is none of these, and when nothing is left.
    """
    wanted = [check for name in only for check in _named(name)] if only else list(CHECKS)
    unwanted = {check.code for name in skip for check in _named(name)}
    left = {check.code for check in wanted} - unwanted
    if not left:
        raise UsageError("no check is left to run", "leave out some of --only or --skip")
    return tuple(check for check in CHECKS if check.code in left)


def explain(code: str) -> Check:
    """The check of that code or slug. Raises UsageError."""
    found = _named(code)
    if code.casefold() == found[0].family.casefold():
        raise UsageError(f"{code.upper()} is a family of checks", f"choose one: {', '.join(one.code for one in found)}")
    return found[0]


def _named(name: str) -> tuple[Check, ...]:
    given = name.casefold()
    found = tuple(check for check in CHECKS if given in map(str.casefold, _names(check)))
    if found:
        return found
    known = {known.casefold(): known for check in CHECKS for known in _names(check)}
    near = get_close_matches(given, known, n=1)
    hint = f"did you mean {known[near[0]]}?" if near else "bossctl doctor --list shows them"
    raise UsageError(f'there is no check "{clean(name)}"', hint)


def _names(check: Check) -> tuple[str, str, str]:
    return check.code, check.slug, check.family


async def run(store: Store, request: DoctorRequest, progress: Progress | None = None) -> Report:
    """Look once.

    A reading that this schema, role or timeout refuses makes its checks skipped. Raises UsageError (bad codes),
    NotFound (a queue glob that matches nothing) and Unreachable (a lost database).
    """
    checks = choose(request.only, request.skip)
    try:
        return await _run(store, request, checks, progress or _silent)
    except SchemaChanged:
        await store.session.reread()
        return await _run(store, request, checks, progress or _silent)


def availability(store: Store) -> Mapping[str, str | None]:
    """Code → why that check cannot look in this schema as this role, as far as the catalog tells; None when it can."""
    reasons: dict[type, str | None] = {}
    for kind in READINGS:
        try:
            check_reading(store.catalog, kind)
        except Unsupported as error:
            reasons[kind] = _refusal(error)
    return {check.code: next((reasons[kind] for kind in check.needs if kind in reasons), None) for check in CHECKS}


def _silent(_step: str) -> None:
    pass


@dataclass(frozen=True)
class _Taken:
    """What became of the readings: values by type, reasons of those refused, seconds each took."""

    values: Mapping[type, object]
    refused: Mapping[type, str]
    seconds: Mapping[type, float]


async def _run(store: Store, request: DoctorRequest, checks: Sequence[Check], progress: Progress) -> Report:
    started = perf_counter()
    async with store.snapshot() as transaction:
        ground = await take_ground(transaction)
        names = await _names_asked(transaction, request.queues)
        scope = Scope(ground.now, request.since_seconds, names, request.window_seconds, request.identical_seconds)
        needed = [kind for kind in READINGS if any(kind in check.needs for check in checks)]
        limit = request.timeout_seconds or store.session.timeout_seconds
        taken = await _take(transaction, needed, scope, limit, progress)
    results, findings = await _judge(checks, taken, ground, store.target)
    return Report(
        target=store.target,
        checks=results,
        findings=_worst_first(findings),
        taken_at=ground.now,
        elapsed_seconds=perf_counter() - started,
        notes=tuple(_notes(taken.values.values())),
    )


async def _names_asked(transaction: Transaction, globs: Sequence[str]) -> tuple[str, ...] | None:
    if not globs:
        return None
    known = await known_queues(transaction)
    for glob in globs:
        if not any(fnmatchcase(name, glob) for name in known):
            near = get_close_matches(glob, known, n=3)
            hint = f"did you mean {', '.join(map(clean, near))}?" if near else "bossctl queue list shows them"
            raise NotFound(f'no queue matches "{clean(glob)}"', hint)
    return tuple(name for name in known if any(fnmatchcase(name, glob) for glob in globs))


async def _take(
    transaction: Transaction, kinds: Iterable[type], scope: Scope, limit: float, progress: Progress
) -> _Taken:
    values: dict[type, object] = {}
    refused: dict[type, str] = {}
    seconds: dict[type, float] = {}
    for kind in kinds:
        title, taker = READINGS[kind]
        progress(f"reading {title}")
        started = perf_counter()
        try:
            async with transaction.savepoint(limit):
                values[kind] = await taker(transaction, scope)
        except SchemaChanged:
            raise
        except (Unsupported, StatementTimeout) as error:
            refused[kind] = _refusal(error)
        seconds[kind] = perf_counter() - started
    return _Taken(values, refused, seconds)


def _refusal(error: Unsupported | StatementTimeout) -> str:
    match error:
        case StatementTimeout():
            word = "timeout"
        case MissingPrivilege():
            word = "privilege"
        case _:
            word = "era"
    return f"{word} {error}" + (f" ({error.hint})" if error.hint else "")


async def _judge(
    checks: Iterable[Check], taken: _Taken, ground: Ground, target: Target
) -> tuple[tuple[CheckResult, ...], list[Finding]]:
    """What the checks make of the readings, beside the loop: a terminal UI wants to answer the keyboard."""
    readings = Readings(ground, taken.values)
    results: list[CheckResult] = []
    findings: list[Finding] = []
    for check in checks:
        reason = next((taken.refused[kind] for kind in check.needs if kind in taken.refused), None)
        started = perf_counter()
        mine = await asyncio.to_thread(check.findings, readings, target) if reason is None else ()
        spent = perf_counter() - started + sum(taken.seconds.get(kind, 0.0) for kind in check.needs)
        status = Status.SKIPPED if reason else Status.FAIL if mine else Status.PASS
        results.append(CheckResult(check.code, check.slug, status, reason, spent))
        findings += mine
    return tuple(results), findings


def _notes(taken: Iterable[object]) -> Iterator[str]:
    for reading in taken:
        if isinstance(reading, SchemaNumber | LongPayloads) and reading.note:
            yield reading.note


def _worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    order = {check.code: place for place, check in enumerate(CHECKS)}

    def badness(finding: Finding) -> tuple[int, int, int, int, str, str]:
        sure = _CERTAINTIES.index(finding.certainty)
        return finding.severity.rank, order[finding.code], sure, -finding.count, finding.queue or "", finding.subject

    return tuple(sorted(findings, key=badness))
