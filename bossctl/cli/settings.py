"""What the user asked for besides the command itself: the connection options, collected over all levels.

The options are accepted before a group, before a command and after it; the innermost level is read last and wins.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bossctl.config import ConnectionSpec, Flags, colourless, resolve
from bossctl.errors import UsageError


def seconds(text: str, option: str) -> int:
    """Read a duration: `90`, `90s`, `15m`, `2h`, `7d`. Raises UsageError naming `option`."""
    from bossctl.format import parse_duration

    try:
        return parse_duration(text)
    except UsageError as error:
        raise UsageError(f"{option}: {error}", error.hint) from None


@dataclass
class Settings:
    """The state of one invocation, typer's `ctx.obj`."""

    environ: Mapping[str, str]
    cwd: Path
    dsn: str | None = field(default=None, repr=False)
    schema: str | None = None
    context: str | None = None
    read_only: bool = False
    statement_timeout: float | None = None
    no_color: bool = False
    fixed: ConnectionSpec | None = None

    def absorb(self, given: MutableMapping[str, Any]) -> None:
        """Take one level's connection options out of `given`; a later `--dsn` beats an earlier `--context`."""
        dsn, context = given.pop("dsn", None), given.pop("context", None)
        if dsn is not None and context is not None:
            raise UsageError("--dsn and --context both name a database", "give one of them")
        if dsn is not None or context is not None:
            self.dsn, self.context = dsn, context
        if (schema := given.pop("schema", None)) is not None:
            self.schema = schema
        if (timeout := given.pop("statement_timeout", None)) is not None:
            self.statement_timeout = seconds(timeout, "--statement-timeout")
        self.read_only = bool(given.pop("read_only", False)) or self.read_only
        self.no_color = bool(given.pop("no_color", False)) or self.no_color
        given.pop("version", None)

    def spec(self) -> ConnectionSpec:
        """Resolve the connection, unless it is `fixed`. Raises UsageError."""
        if self.fixed is not None:
            return self.fixed
        flags = Flags(self.dsn, self.schema, self.context, self.read_only, self.statement_timeout)
        return resolve(flags, self.environ, self.cwd)

    @property
    def colourless(self) -> bool:
        """True when nothing may be coloured, whatever the terminal can do."""
        return self.no_color or colourless(self.environ)
