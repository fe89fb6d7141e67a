"""What a form for ensuring a queue starts from."""

from __future__ import annotations

from bossctl.actions import limits
from bossctl.models.operations import OptionField, QueueForm
from bossctl.models.options import OPTIONS, Kind, Option, is_internal, shown
from bossctl.models.queues import OptionValue
from bossctl.sql.catalog import Catalog
from bossctl.sql.options import option_columns
from bossctl.store import Store
from bossctl.store.queues import options_of


async def queue_form(store: Store, name: str) -> QueueForm:
    """The options this schema has, with their values where the queue exists."""
    catalog = store.catalog
    limits.need_queues(catalog)
    async with store.snapshot() as transaction:
        rows = await transaction.rows("queues", {"names": [name]})
        names = tuple(row["name"] for row in await transaction.rows("queue_names"))
    current = options_of(rows[0], catalog) if rows else {}
    others = tuple(other for other in names if other != name and not is_internal(other))
    fields = tuple(
        _field(OPTIONS[option], column.unit, current.get(option), catalog, others)
        for option, column in option_columns(catalog).items()
    )
    return QueueForm(name, bool(rows), fields)


def _field(option: Option, unit: int, value: OptionValue, catalog: Catalog, others: tuple[str, ...]) -> OptionField:
    choices = {Kind.POLICY: limits.policies(catalog), Kind.QUEUE: others}
    return OptionField(
        name=option.name,
        kind=option.kind.value,
        what=option.what,
        current=value,
        shown=shown(option.name, value, client_defaults=limits.client_defaults(catalog)),
        fixed=option.fixed,
        clearable=limits.clearable(option, catalog),
        choices=choices.get(option.kind, ()),
        unit_seconds=unit,
    )
