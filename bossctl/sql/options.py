"""Where each queue option is kept in a schema: the column, the key create_queue reads it from, and the unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from bossctl.models.queues import OPTION_NAMES, OptionValue
from bossctl.sql.catalog import Catalog

CANONICAL: Mapping[str, str] = {
    "policy": "policy",
    "retry_limit": "retry_limit",
    "retry_delay": "retry_delay",
    "retry_backoff": "retry_backoff",
    "retry_delay_max": "retry_delay_max",
    "expire_in": "expire_seconds",
    "retention": "retention_seconds",
    "delete_after": "deletion_seconds",
    "dead_letter": "dead_letter",
    "warning_queued": "warning_queued",
    "heartbeat": "heartbeat_seconds",
    "notify": "notify",
    "partition": "partition",
}
"""The column of the canonical relation `queue` for each option."""

_KEYS: Mapping[str, str] = {
    "policy": "policy",
    "retry_limit": "retryLimit",
    "retry_delay": "retryDelay",
    "retry_backoff": "retryBackoff",
    "retry_delay_max": "retryDelayMax",
    "expire_seconds": "expireInSeconds",
    "retention_seconds": "retentionSeconds",
    "retention_minutes": "retentionMinutes",
    "deletion_seconds": "deleteAfterSeconds",
    "dead_letter": "deadLetter",
    "warning_queued": "warningQueueSize",
    "heartbeat_seconds": "heartbeatSeconds",
    "notify": "notify",
    "partition": "partition",
}
"""What create_queue calls each column."""


@dataclass(frozen=True)
class OptionColumn:
    """An option's own column; `unit` is the seconds one of its units lasts, 1 where it is no duration."""

    column: str
    key: str
    unit: int

    def stored(self, value: OptionValue) -> OptionValue:
        """The value as the column holds it. The caller has seen to it that it fits."""
        return value // self.unit if self.unit > 1 and isinstance(value, int) else value


def option_columns(catalog: Catalog) -> dict[str, OptionColumn]:
    """The options this schema has, in the order of OPTION_NAMES. 10.x keeps retention in minutes."""
    found = {}
    for option in OPTION_NAMES:
        column = CANONICAL[option]
        if catalog.has(f"queue.{column}"):
            found[option] = OptionColumn(column, _KEYS[column], 1)
        elif option == "retention" and catalog.has("queue.retention_minutes"):
            found[option] = OptionColumn("retention_minutes", _KEYS["retention_minutes"], 60)
    return found


def assignments(columns: Mapping[str, OptionColumn], options: Mapping[str, OptionValue]) -> sql.Composed:
    """`column = %(option)s` for each of the options, as the SET list of an update."""
    pairs = [sql.SQL("{} = {}").format(sql.Identifier(columns[name].column), sql.Placeholder(name)) for name in options]
    return sql.SQL(", ").join(pairs)
