"""What pg-boss or this schema would not take, found before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

from bossctl.errors import Unsupported, UsageError
from bossctl.format import clean, exact_duration
from bossctl.models.operations import QueueSpec
from bossctl.models.options import LARGEST, NONE, OPTIONS, POLICIES, Kind, Option, is_new_name, shown
from bossctl.models.queues import OptionValue
from bossctl.sql.catalog import Catalog
from bossctl.sql.options import option_columns

IMPLICIT = (
    "this pg-boss schema (8.x or 9.x) has no queue table: queues there are implicit, "
    "a queue exists as soon as a job is sent to it"
)
IMPLICIT_HINT = "queues can be created from pg-boss 10.0.0 on"

# Any of these shows that the schema knows the policy; its own index may have been dropped by hand.
_POLICY_FACTS: Mapping[str, tuple[str, ...]] = {
    "exclusive": ("index:i6", "bam"),
    "key_strict_fifo": ("index:i8", "warning"),
}
_POLICY_INDEX = {"short": "i1", "singleton": "i2", "stately": "i3", "exclusive": "i6", "key_strict_fifo": "i8"}


def need_queues(catalog: Catalog) -> None:
    """Raise Unsupported on 8.x and 9.x."""
    if not catalog.has("queue"):
        raise Unsupported(IMPLICIT, IMPLICIT_HINT)


def known_options(spec: QueueSpec, catalog: Catalog) -> None:
    """Raise Unsupported for an option this schema does not have, naming the release that brought it."""
    columns = option_columns(catalog)
    for name in spec.options:
        if name not in columns:
            own = " (before, every queue has a table of its own)" if name == "partition" else ""
            raise Unsupported(
                f"{spec.place(name)}: this pg-boss schema does not have the option {name}, "
                f"which came with pg-boss {OPTIONS[name].release}{own}"
            )


def client_defaults(catalog: Catalog) -> bool:
    """Whether NULL means "the client's default" here: in 10.x, which lets every option be NULL."""
    return catalog.layout == "queues"


def clearable(option: Option, catalog: Catalog) -> bool:
    """Whether the option's column may be NULL."""
    return option.clearable or (client_defaults(catalog) and not option.fixed)


def policies(catalog: Catalog) -> tuple[str, ...]:
    """The policies this schema knows."""
    return tuple(policy for policy in POLICIES if _has_policy(policy, catalog))


def new_name(spec: QueueSpec) -> None:
    """Raise UsageError for a name that pg-boss would refuse for a new queue."""
    if not is_new_name(spec.name):
        raise UsageError(
            f'{_at(spec)}pg-boss would refuse the queue name "{clean(spec.name)}"',
            "use letters, digits, underscore, dot, slash and hyphen only",
        )


def storable(spec: QueueSpec) -> None:
    """Raise UsageError for text that no PostgreSQL database can hold."""
    for text in (spec.name, *(value for value in spec.options.values() if isinstance(value, str))):
        if not text or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in text):
            raise UsageError(f'{_at(spec)}"{clean(text)}" is empty or holds characters that no queue can have')


def values(spec: QueueSpec, changed: Mapping[str, OptionValue], catalog: Catalog) -> None:
    """Raise UsageError or Unsupported for a value in `changed` that cannot be set."""
    for name, value in changed.items():
        problem = _problem(OPTIONS[name], value, catalog, spec)
        if problem:
            raise UsageError(f"{spec.place(name)}: {problem[0]}", problem[1])


def _problem(option: Option, value: OptionValue, catalog: Catalog, spec: QueueSpec) -> tuple[str, str | None] | None:
    if value is None:
        return None if clearable(option, catalog) else _never_null(option)
    if option.kind is Kind.POLICY:
        return _policy_problem(str(value), catalog, spec.place(option.name))
    if option.kind is Kind.QUEUE:
        return ("a queue cannot be its own dead letter", None) if value == spec.name else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return _range_problem(option, value) or _unit_problem(option, value, catalog)


def _never_null(option: Option) -> tuple[str, str | None]:
    return f"{option.name} always has a value in this schema, so it cannot be {NONE}", None


def _policy_problem(policy: str, catalog: Catalog, place: str) -> tuple[str, str | None] | None:
    known = ", ".join(policies(catalog))
    if policy not in POLICIES:
        return f'there is no policy "{clean(policy)}"', f"policies are {known}"
    if not _has_policy(policy, catalog):
        raise Unsupported(
            f"{place}: this pg-boss schema does not have the policy {policy}, "
            f"which came with pg-boss {POLICIES[policy]}",
            f"policies here are {known}",
        )
    return None


def _has_policy(policy: str, catalog: Catalog) -> bool:
    facts = _POLICY_FACTS.get(policy)
    return facts is None or any(map(catalog.has, facts))


def _range_problem(option: Option, value: int) -> tuple[str, str | None] | None:
    if option.least <= value <= option.most:
        return None
    least, most = (shown(option.name, limit) for limit in (option.least, option.most))
    if value < option.least:
        return f"{shown(option.name, value)} is less than pg-boss takes, which is {least}", None
    if option.most == LARGEST:
        return f"{shown(option.name, value)} is more than its column can hold", None
    return f"{shown(option.name, value)} is more than pg-boss takes, which is {most}", None


def _unit_problem(option: Option, value: int, catalog: Catalog) -> tuple[str, str | None] | None:
    unit = option_columns(catalog)[option.name].unit
    if value % unit == 0:
        return None
    below = value - value % unit
    near = [exact_duration(limit) for limit in (below, below + unit) if limit >= unit]
    return (
        f"{exact_duration(value)} does not fit: this schema keeps {option.name} in whole minutes",
        f"the nearest {'values are' if len(near) > 1 else 'value is'} {' and '.join(near)}",
    )


def backoff(spec: QueueSpec, changed: Mapping[str, OptionValue], after: Mapping[str, OptionValue]) -> None:
    """Raise UsageError for a longest retry delay on a queue whose delay does not grow."""
    if changed.get("retry_delay_max") is not None and after.get("retry_backoff") is not True:
        raise UsageError(
            f"{spec.place('retry_delay_max')}: pg-boss takes a longest retry delay only with backoff",
            f"add {spec.place('retry_backoff')}" if not spec.source else "add retry_backoff = true",
        )


def missing_index(policy: str, catalog: Catalog) -> bool:
    """Whether the index that enforces a policy in the shared table is not there, or not valid."""
    index = _POLICY_INDEX.get(policy)
    return index is not None and catalog.layout != "queues" and not catalog.has(f"index:{index}")


def _at(spec: QueueSpec) -> str:
    return f"{spec.source}: " if spec.source else ""
