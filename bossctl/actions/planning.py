"""What `queue ensure` would do: decided from what was asked for and what was read, before anything is written."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bossctl.actions import limits
from bossctl.errors import Unsupported, UsageError
from bossctl.format import clean, size
from bossctl.models.operations import EnsureAction, EnsureResult, QueueSpec
from bossctl.models.options import OPTIONS, same, shown
from bossctl.models.queues import OPTION_NAMES, OptionValue
from bossctl.sql import Queries
from bossctl.sql.catalog import Catalog
from bossctl.sql.writes import Write, creation, lock, own_table_name, update_queue

BIG_BYTES = 50_000_000
"""A shared table above this is warned about before a queue gets a table of its own: making one scans and locks it."""

Options = Mapping[str, OptionValue]
Refusal = tuple[str, str | None]


@dataclass(frozen=True)
class Known:
    """What a plan depends on: options of the queues concerned, every dead letter, tables left without a queue."""

    queues: Mapping[str, Options]
    dead_letters: Mapping[str, str]
    leftovers: frozenset[str] = frozenset()
    shared_bytes: int = 0


@dataclass(frozen=True)
class Planner:
    """Plans for queues that are ensured together."""

    queries: Queries
    known: Known
    specs: Mapping[str, QueueSpec] = field(default_factory=dict)

    @classmethod
    def of(cls, queries: Queries, known: Known, specs: Iterable[QueueSpec]) -> Planner:
        """A planner for these queues, none of them named twice."""
        return cls(queries, known, {spec.name: spec for spec in specs})

    @property
    def catalog(self) -> Catalog:
        """What is in the schema."""
        return self.queries.catalog

    def plans(self) -> list[EnsureResult]:
        """A plan for each queue, dead letters before the queues that use them.

        Raises UsageError and Unsupported for what no state of the database would make right.
        """
        return [self.plan(spec) for spec in self._in_order()]

    def plan(self, spec: QueueSpec) -> EnsureResult:
        """A plan for one of them."""
        limits.storable(spec)
        limits.known_options(spec, self.catalog)
        current = self.known.queues.get(spec.name)
        changed = _changed(spec, current)
        after = {**(current or {}), **changed}
        limits.values(spec, changed, self.catalog)
        limits.backoff(spec, changed, after)
        if current is None:
            limits.new_name(spec)
            changed = {name: value for name, value in changed.items() if value is not None}
        elif not changed:
            return self._result(spec, EnsureAction.UNCHANGED, {})
        refusal = self._refusal(spec, changed)
        if refusal:
            return self._result(spec, EnsureAction.REFUSED, changed, refusal)
        action = EnsureAction.CREATED if current is None else EnsureAction.UPDATED
        return self._result(spec, action, changed, notices=self._notices(changed, after))

    def _result(
        self,
        spec: QueueSpec,
        action: EnsureAction,
        changed: Options,
        refusal: Refusal = ("", None),
        notices: tuple[str, ...] = (),
    ) -> EnsureResult:
        current = self.known.queues.get(spec.name)
        before = current or {}
        return EnsureResult(
            queue=spec.name,
            action=action,
            applied=False,
            changes={name: (before.get(name), value) for name, value in changed.items()},
            reason=refusal[0] or None,
            hint=refusal[1],
            statements=tuple(write.written(self.queries) for write in self.writes(spec.name, action, changed)),
            current=current,
            client_defaults=limits.client_defaults(self.catalog),
            notices=notices,
        )

    def writes(self, name: str, action: EnsureAction, changed: Options) -> list[Write]:
        """The statements of a plan's transaction."""
        if action is EnsureAction.CREATED:
            return [lock(self.catalog, "create-queue"), *creation(self.catalog, name, changed)]
        if action is EnsureAction.UPDATED:
            return [lock(self.catalog, "create-queue"), update_queue(self.catalog, name, changed)]
        return []

    def _refusal(self, spec: QueueSpec, changed: Options) -> Refusal | None:
        current = self.known.queues.get(spec.name)
        if current is not None:
            fixed = [name for name in changed if OPTIONS[name].fixed]
            if fixed:
                return _immutable(fixed, current, changed)
        elif self._has_own_table(changed):
            if self.catalog.layout == "plain":
                raise Unsupported(
                    f"{spec.place('partition')}: this schema keeps the jobs of all queues in one table, "
                    "as pg-boss does on servers without partitions"
                )
            if spec.name in self.known.leftovers:
                return (
                    f"the table {own_table_name(spec.name)} of an earlier queue of this name is still there, "
                    "its row in the table queue was removed by hand",
                    "bossctl doctor --only STK10",
                )
        target = changed.get("dead_letter")
        return self._dead_letter_refusal(spec, target) if isinstance(target, str) else None

    def _has_own_table(self, changed: Options) -> bool:
        return self.catalog.layout == "queues" or changed.get("partition") is True

    def _dead_letter_refusal(self, spec: QueueSpec, target: str) -> Refusal | None:
        if target not in self.known.queues and target not in self.specs:
            first = f"ensure it first: bossctl queue ensure {typed(target)}"
            return f'the dead-letter queue "{clean(target)}" does not exist', first
        loop = self._loop(spec.name, target)
        if not loop:
            return None
        path = " → ".join(map(clean, loop))
        if all(name in self.specs and "dead_letter" in self.specs[name].options for name in loop):
            raise UsageError(f"{spec.place('dead_letter')}: dead letters would go round in a loop: {path}")
        return f"dead letters would go round in a loop: {path}", None

    def _loop(self, name: str, target: str) -> list[str]:
        """The way from a queue over its new dead letter back to itself, or nothing."""
        links = self._links()
        path = [name, target]
        while (following := links.get(path[-1])) is not None and following not in path[1:]:
            path.append(following)
        return path if path[-1] == name else []

    def _links(self) -> dict[str, str]:
        """Every queue's dead letter as it will be."""
        links = dict(self.known.dead_letters)
        for spec in self.specs.values():
            if "dead_letter" in spec.options:
                target = spec.options["dead_letter"]
                links.pop(spec.name, None)
                if isinstance(target, str):
                    links[spec.name] = target
        return links

    def _in_order(self) -> list[QueueSpec]:
        links = self._links()
        ordered: dict[str, QueueSpec] = {}
        for name in self.specs:
            path: list[str] = []
            while name in self.specs and name not in ordered and name not in path:
                path.append(name)
                name = links.get(name, "")
            ordered |= {one: self.specs[one] for one in reversed(path)}
        return list(ordered.values())

    def _notices(self, changed: Options, after: Options) -> tuple[str, ...]:
        return tuple(filter(None, self._possible_notices(changed, after)))

    def _possible_notices(self, changed: Options, after: Options) -> Iterable[str | None]:
        policy = changed.get("policy")
        if policy == "key_strict_fifo":
            yield "key_strict_fifo: every send to this queue needs a singleton key, one without is refused"
        if isinstance(policy, str) and not after.get("partition") and limits.missing_index(policy, self.catalog):
            yield f"the index that enforces the policy {policy} is missing here, or still being built"
        if changed.get("delete_after") == 0:
            yield _delete_after_zero(self.catalog)
        if changed.get("retry_backoff") is False and after.get("retry_delay_max") is not None:
            longest = shown("retry_delay_max", after["retry_delay_max"])
            yield f"retry_delay_max stays {longest}, and without backoff it has no effect"
        if changed.get("partition") is True and self.known.shared_bytes >= BIG_BYTES:
            yield (
                f"making a table of its own locks and scans job_common ({size(self.known.shared_bytes)}): "
                "sends and fetches of all queues wait until it is done"
            )


def _changed(spec: QueueSpec, current: Options | None) -> dict[str, OptionValue]:
    if current is None:
        found: Options = {"policy": "standard", **spec.options}
    else:
        found = {name: value for name, value in spec.options.items() if not same(name, current[name], value)}
    return {name: found[name] for name in OPTION_NAMES if name in found}


def _immutable(fixed: Sequence[str], current: Options, changed: Options) -> Refusal:
    parts = [
        f"its {'policy' if name == 'policy' else 'partitioning'} is {_fixed(name, current[name])}, "
        f"asked for was {_fixed(name, changed[name])}"
        for name in fixed
    ]
    return (
        f"the {' and '.join('policy' if name == 'policy' else 'partitioning' for name in fixed)} "
        f"of an existing queue cannot change: {'; '.join(parts)}",
        "create a queue under a new name, let this one drain, then delete it",
    )


def _fixed(name: str, value: OptionValue) -> str:
    return clean(shown(name, value or "standard")) if name == "policy" else shown(name, value)


def typed(name: str) -> str:
    """A queue's name as a shell takes it."""
    return ("-- " if name.startswith("-") else "") + shlex.quote(clean(name))


def _delete_after_zero(catalog: Catalog) -> str:
    never, at_once = "keep finished jobs for ever", "remove them at their next maintenance"
    meaning = f"with delete_after 0 pg-boss 12.7 and newer {never}, older clients {at_once}"
    if catalog.has("index:i8"):
        return f"{meaning}; this schema is newer than 12.7"
    if catalog.has("bam"):
        return f"{meaning}; this schema serves both"
    return f"{meaning}; this schema is older than 12.7"
