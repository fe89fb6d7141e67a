"""Where the connection comes from, and everything else bossctl reads from its environment.

Pure: nothing here connects, runs a command or expands a variable. Sources are tried in this order and the first one
that is there is taken whole, its schema with its address:

1. `--dsn` or `--context`;
2. `BOSSCTL_DSN`, then `BOSSCTL_CONTEXT`;
3. the `current` context of the context file;
4. pg-boss's own names: `PGBOSS_DATABASE_URL` (or `PGBOSS_HOST`, `PGBOSS_PORT`, `PGBOSS_DATABASE`, `PGBOSS_USER` and
   `PGBOSS_PASSWORD`) with `PGBOSS_SCHEMA`; then the first of `pgboss.json`, `.pgbossrc` and `.pgbossrc.json` in the
   working directory, with the keys of pg-boss's own command line;
5. `DATABASE_URL`;
6. libpq's environment, service file and password file.

Only `--schema` and `BOSSCTL_SCHEMA` cross sources.

The context file is `$XDG_CONFIG_HOME/bossctl/config.toml` (`~/.config/bossctl/config.toml`):

    current = "prod"

    [contexts.prod]
    dsn = "service=orders"        # libpq connection string or URL; "" is libpq's own environment
    schema = "pgboss"             # optional
    read_only = true              # optional
    statement_timeout = 10        # optional, seconds
    color = "red"                 # optional, the frame of the terminal UI

    [tui]
    theme = "high-contrast"       # optional
    ascii = true                  # optional
    refresh = 5                   # optional, seconds

Beside it, `keymap.toml` gives commands of the terminal UI other keys.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bossctl.dsn import can_be_sent, checked_dsn, from_pgboss_file, join_conninfo
from bossctl.errors import UsageError
from bossctl.files import read_whole

STATEMENT_TIMEOUT = 30.0
PGBOSS_FILES = ("pgboss.json", ".pgbossrc", ".pgbossrc.json")
CONTEXT_KEYS = ("dsn", "schema", "read_only", "statement_timeout", "color")
TUI_KEYS = ("theme", "ascii", "refresh")
COLORS = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink")
"""What the frame of the terminal UI can be drawn in."""
NO_CONNECTION_HINT = "bossctl --dsn postgresql://user@host:5432/database …"


@dataclass(frozen=True)
class ConnectionSpec:
    """Which database to open and how.

    `dsn` is a libpq connection string or URL that may hold a password; "" leaves everything to libpq. `schema` None
    means nobody named one. `statement_timeout` is in seconds.
    """

    dsn: str = field(repr=False)
    schema: str | None
    source: str
    schema_source: str | None
    context: str | None
    read_only: bool
    statement_timeout: float
    color: str | None = None


@dataclass(frozen=True)
class TuiSettings:
    """The table `[tui]` of the context file. `refresh` is in seconds."""

    theme: str | None = None
    ascii_only: bool = False
    refresh: float | None = None


@dataclass(frozen=True)
class Flags:
    """The connection options as typed; None means not given. `statement_timeout` is in seconds."""

    dsn: str | None = field(default=None, repr=False)
    schema: str | None = None
    context: str | None = None
    read_only: bool = False
    statement_timeout: float | None = None


@dataclass(frozen=True)
class _Source:
    dsn: str = field(repr=False)
    name: str
    schema: str | None = None
    context: str | None = None
    read_only: bool = False
    statement_timeout: float | None = None
    color: str | None = None


def environment() -> Mapping[str, str]:
    """The process environment; no other module reads it."""
    return os.environ


def debugging(environ: Mapping[str, str]) -> bool:
    """True when `BOSSCTL_DEBUG` asks for tracebacks of internal errors."""
    return environ.get("BOSSCTL_DEBUG", "") not in ("", "0")


def colourless(environ: Mapping[str, str]) -> bool:
    """True when `NO_COLOR` is set to anything, or the terminal is dumb."""
    return bool(environ.get("NO_COLOR")) or dumb_terminal(environ)


def drop_empty_no_color() -> None:
    """Take an empty `NO_COLOR` out of the environment: it means not set (no-color.org), which libraries overlook."""
    if not os.environ.get("NO_COLOR", "set"):
        del os.environ["NO_COLOR"]


@contextmanager
def naming_service(service: object) -> Iterator[None]:
    """The environment as if it named this service, for libpq's defaults tell of no other; unchanged where None."""
    outer = os.environ.get("PGSERVICE")
    try:
        if service is not None:
            os.environ["PGSERVICE"] = str(service)
        yield
    finally:
        if outer is not None:
            os.environ["PGSERVICE"] = outer
        else:
            os.environ.pop("PGSERVICE", None)


def dumb_terminal(environ: Mapping[str, str]) -> bool:
    """True when `TERM` says that the terminal can move no cursor."""
    return environ.get("TERM", "") == "dumb"


def resolve(flags: Flags, environ: Mapping[str, str], cwd: Path) -> ConnectionSpec:
    """Find the connection. Raises UsageError, whose text never holds a DSN or any part of one."""
    source = (
        _from_flags(flags, environ) or _from_bossctl(environ) or _from_pgboss(environ, cwd) or _from_others(environ)
    )
    schema, schema_source = _schema(flags, environ, source)
    if schema is not None and not can_be_sent(schema):
        raise UsageError(f"the schema's name from {schema_source} holds bytes that no name can")
    timeout = flags.statement_timeout if flags.statement_timeout is not None else source.statement_timeout
    if timeout is not None and not 0 < timeout <= 86_400:
        raise UsageError("the statement timeout must be more than 0 and at most a day", "--statement-timeout 30s")
    return ConnectionSpec(
        dsn=source.dsn,
        schema=schema,
        source=source.name,
        schema_source=schema_source,
        context=source.context,
        read_only=flags.read_only or source.read_only,
        statement_timeout=STATEMENT_TIMEOUT if timeout is None else timeout,
        color=source.color,
    )


def context_file(environ: Mapping[str, str]) -> Path:
    """Path of the context file; a relative `XDG_CONFIG_HOME` is ignored, as its specification asks."""
    configured = environ.get("XDG_CONFIG_HOME", "")
    if configured and Path(configured).is_absolute():
        return Path(configured) / "bossctl" / "config.toml"
    try:
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError:
        home = Path(os.devnull)  # a user without a home has no file
    return home / ".config" / "bossctl" / "config.toml"


def keymap_file(environ: Mapping[str, str]) -> Path:
    """Path of the file of keys, beside the context file."""
    return context_file(environ).with_name("keymap.toml")


def context_names(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The contexts of the context file; none where it cannot be read, which `resolve` complains about."""
    try:
        contexts = _read_contexts(context_file(environ)).get("contexts", {})
    except UsageError:
        return ()
    return tuple(contexts) if isinstance(contexts, dict) else ()


def tui_settings(environ: Mapping[str, str]) -> TuiSettings:
    """How the terminal UI is to look. Raises UsageError."""
    path = context_file(environ)
    table = _read_contexts(path).get("tui", {})
    if not isinstance(table, dict):
        raise UsageError(f"`tui` in {path} must be a table: [tui]")
    where = f"in [tui] of {path}"
    _known(table, TUI_KEYS, where)
    refresh = _seconds(table, "refresh", where)
    if refresh is not None and not 0.2 <= refresh <= 3600:
        raise UsageError(f"`refresh` {where} must be between 0.2 and 3600 seconds")
    return TuiSettings(_text(table, "theme", where), _flag(table, "ascii", where), refresh)


def state_directory() -> Path:
    """Where bossctl keeps what must outlive a run: `$XDG_STATE_HOME/bossctl`, by default in `~/.local/state`."""
    import platformdirs

    return platformdirs.user_state_path("bossctl", appauthor=False)


def _schema(flags: Flags, environ: Mapping[str, str], source: _Source) -> tuple[str | None, str | None]:
    if flags.schema is not None:
        if not flags.schema:
            raise UsageError("--schema is empty", "name the pg-boss schema, for example --schema pgboss")
        return flags.schema, "--schema"
    if environ.get("BOSSCTL_SCHEMA"):
        return environ["BOSSCTL_SCHEMA"], "BOSSCTL_SCHEMA"
    return source.schema, source.name if source.schema else None


def _from_flags(flags: Flags, environ: Mapping[str, str]) -> _Source | None:
    if flags.dsn is not None and flags.context is not None:
        raise UsageError("--dsn and --context both name a database", "give one of them")
    if flags.dsn is not None:
        if not flags.dsn.strip():
            raise UsageError("--dsn is empty", NO_CONNECTION_HINT)
        return _Source(checked_dsn(flags.dsn, "--dsn"), "--dsn")
    if flags.context is not None:
        return _context(flags.context, "--context", context_file(environ))
    return None


def _from_bossctl(environ: Mapping[str, str]) -> _Source | None:
    if environ.get("BOSSCTL_DSN"):
        return _Source(checked_dsn(environ["BOSSCTL_DSN"], "BOSSCTL_DSN"), "BOSSCTL_DSN")
    path = context_file(environ)
    if environ.get("BOSSCTL_CONTEXT"):
        return _context(environ["BOSSCTL_CONTEXT"], "BOSSCTL_CONTEXT", path)
    current = _read_contexts(path).get("current")
    if current is None:
        return None
    if not isinstance(current, str):
        raise UsageError(f"`current` in {path} must be a context's name in quotes")
    return _context(current, f"`current` in {path}", path)


def _from_pgboss(environ: Mapping[str, str], cwd: Path) -> _Source | None:
    schema = environ.get("PGBOSS_SCHEMA") or None
    if environ.get("PGBOSS_DATABASE_URL"):
        dsn = checked_dsn(environ["PGBOSS_DATABASE_URL"], "PGBOSS_DATABASE_URL")
        return _Source(dsn, "PGBOSS_DATABASE_URL", schema)
    named = {"host": "PGBOSS_HOST", "port": "PGBOSS_PORT", "dbname": "PGBOSS_DATABASE", "user": "PGBOSS_USER"}
    parts = {key: environ[name] for key, name in (named | {"password": "PGBOSS_PASSWORD"}).items() if environ.get(name)}
    if "host" in parts or "dbname" in parts:
        name = "PGBOSS_HOST" if "host" in parts else "PGBOSS_DATABASE"
        return _Source(checked_dsn(join_conninfo(parts), name), name, schema)
    for name in PGBOSS_FILES:
        text = _read_text(cwd / name, name)
        if text is not None:  # like pg-boss, the first file that exists ends the search
            found = from_pgboss_file(text, name)
            return _Source(found.dsn, name, found.schema) if found else None
    return None


def _from_others(environ: Mapping[str, str]) -> _Source:
    if environ.get("DATABASE_URL"):
        return _Source(checked_dsn(environ["DATABASE_URL"], "DATABASE_URL"), "DATABASE_URL")
    return _Source("", "libpq environment")


def _read_text(path: Path, label: str) -> str | None:
    try:
        return read_whole(path).decode("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        if not _is_there(path):  # somebody else's home, as after sudo: nothing of ours
            return None
        raise UsageError(f"{label} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{label} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{label} cannot be read: {error.strerror}") from None


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _read_contexts(path: Path) -> Mapping[str, object]:
    text = _read_text(path, str(path))
    if text is None:
        return {}
    import tomllib

    try:
        return _known(tomllib.loads(text), ("current", "contexts", "tui"), f"at the top of {path}")
    except tomllib.TOMLDecodeError as error:
        place = str(error).rpartition("(")[2].rstrip(")")
        raise UsageError(f"{path} is not valid TOML {place}") from None


def _known(table: Mapping[str, object], keys: tuple[str, ...], where: str) -> Mapping[str, object]:
    for key in table:
        if key not in keys:
            raise UsageError(f"unknown key `{key}` {where}", f"known keys: {', '.join(keys)}")
    return table


def _context(name: str, asked_by: str, path: Path) -> _Source:
    contexts = _read_contexts(path).get("contexts", {})
    if not isinstance(contexts, dict):
        raise UsageError(f"`contexts` in {path} must be tables: [contexts.NAME]")
    if name not in contexts:
        listed = f"contexts there: {', '.join(sorted(contexts))}" if contexts else f"add [contexts.{name}] with a dsn"
        raise UsageError(f"{asked_by} names the context {name}, which {path} does not have", listed)
    where = f"in [contexts.{name}] of {path}"
    table = contexts[name]
    if not isinstance(table, dict):
        raise UsageError(f"contexts.{name} in {path} must be a table: [contexts.{name}]")
    _known(table, CONTEXT_KEYS, where)
    dsn = _text(table, "dsn", where)
    if dsn is None:
        raise UsageError(f"`dsn` is missing {where}", 'dsn = "" leaves the address to libpq')
    return _Source(
        dsn=checked_dsn(dsn, f"`dsn` {where}") if dsn.strip() else "",
        name=f"context {name}",
        schema=_text(table, "schema", where) or None,
        context=name,
        read_only=_flag(table, "read_only", where),
        statement_timeout=_seconds(table, "statement_timeout", where),
        color=_color(table, where),
    )


def _color(table: Mapping[str, object], where: str) -> str | None:
    color = _text(table, "color", where)
    if color is not None and color not in COLORS:
        raise UsageError(f"`color` {where} is none that is known", f"one of {', '.join(COLORS)}")
    return color


def _text(table: Mapping[str, object], key: str, where: str) -> str | None:
    value = table.get(key)
    if value is None or isinstance(value, str):
        return value
    raise UsageError(f"`{key}` {where} must be text in quotes")


def _flag(table: Mapping[str, object], key: str, where: str) -> bool:
    value = table.get(key, False)
    if isinstance(value, bool):
        return value
    raise UsageError(f"`{key}` {where} must be true or false")


def _seconds(table: Mapping[str, object], key: str, where: str) -> float | None:
    value = table.get(key)
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    raise UsageError(f"`{key}` {where} must be a number of seconds")
