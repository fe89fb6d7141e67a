"""The keys of the language: what completion offers and the documentation lists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Key:
    """A key with an example that parses and one line of help."""

    name: str
    example: str
    help: str


KEYS = (
    Key("queue", "queue:email*", "the queue; * and ? are wild"),
    Key("state", "state:failed", "created, retry, active, completed, cancelled, failed; several by comma"),
    Key("is", "is:stuck", "open (created, retry, active), due, stuck or rerun"),
    Key("id", "id:3f2c8a52-0c5e-4d43-9c55-6a2f2f0b7f4e", "job ids; several by comma"),
    Key("key", "key:order-7", "the singleton key"),
    Key("error", "error:timeout", "text in the output"),
    Key("data", "data.user.id:42", "a value in the payload, number or text"),
    Key("output", "output.code:ETIMEDOUT", "a value in the output, number or text"),
    Key("retries", "retries:1..", "how often it was retried"),
    Key("older", "older:15m", "created more than so long ago"),
    Key("newer", "newer:1h", "created less than so long ago"),
    Key("run", "run:90s..", "how long it ran"),
    Key("created", "created:2026-01-01..2026-01-02", "when it was created, UTC unless with a zone"),
    Key("started", "started:2026-01-01T10:00..", "when it was last started"),
    Key("completed", "completed:2026-01-01", "when it was completed, failed or cancelled"),
    Key("priority", "priority:1..", "its priority"),
    Key("archived", "archived:any", "true: only archived jobs; any: these too; false: only live ones"),
)
