"""Values every area shares: a count with its truth, text with its true size, and where we are connected."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Truth(StrEnum):
    """How far a number can be believed; the rung of the counting ladder it came from."""

    EXACT = "exact"
    CACHED = "cached"
    ESTIMATE = "estimate"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Count:
    """A number of rows. `value` is None exactly when `truth` is unknown; `age_seconds` only when cached."""

    value: int | None
    truth: Truth
    age_seconds: float | None = None


UNKNOWN = Count(None, Truth.UNKNOWN)


@dataclass(frozen=True)
class Payload:
    """A JSON document as the database's own text, possibly cut.

    `text` is None for SQL NULL; the four characters `null` are JSON null. `size_bytes` is the length of the
    whole text; `cut` says that `text` holds only its beginning.
    """

    text: str | None
    size_bytes: int
    cut: bool = False


@dataclass(frozen=True)
class Target:
    """Which database and schema this is, and where that came from. Never holds a password.

    `source` is a phrase such as `--dsn`, `BOSSCTL_DSN`, `context prod`, `pgboss.json`, `libpq environment`. `color` is
    what the context's frame is drawn in, one of `bossctl.config.COLORS`.
    """

    host: str
    port: int
    database: str
    user: str
    schema: str
    source: str
    context: str | None = None
    read_only: bool = False
    color: str | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}:{self.port}/{self.database} schema {self.schema}"
