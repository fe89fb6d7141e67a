"""Driver errors become bossctl's errors here and nowhere else: one sentence, a hint, never a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from bossctl.errors import (
    BossctlError,
    LockTimeout,
    MissingPrivilege,
    Refused,
    StatementTimeout,
    Unreachable,
    Unsupported,
    UsageError,
)
from bossctl.format import clean
from bossctl.models.common import Target

_UNUSABLE = (
    r"(connection is bad: )?"
    r"(invalid |weak sslmode|could not match |could not parse network|definition of service"
    r"|(syntax error in )?service file)"
)
"""How libpq's texts begin where it did not come to ask anybody."""
_NO_ENTRY = (
    *("password authentication failed", "no password supplied", "Peer authentication"),
    *("is not permitted to log in", "FATAL:  role "),
)
_CROWDED = ("too many clients", "remaining connection slots", "no more connections allowed")


class SchemaChanged(Unsupported):
    """A relation or column vanished since the catalog was read: pg-boss was migrated or removed under our feet."""


class Denied(MissingPrivilege):
    """The server itself refused; its hint is about reading, as nothing is known here of what was to be done."""


class StalePlan(SchemaChanged):
    """What was prepared on this connection gives other types now. The connection is good for nothing prepared."""


class Conflict(Refused):
    """A unique index has this key already; nothing of the transaction was done."""


class Deadlock(Unreachable):
    """The server ended this transaction so that another one could go on; nothing of it was done."""


@contextmanager
def translated(target: Target | None, timeout_seconds: float | None = None) -> Iterator[None]:
    """Raise a BossctlError instead of any psycopg error that leaves the block."""
    try:
        yield
    except psycopg.Error as error:
        raise _translate(error, target, timeout_seconds) from None


def _translate(error: psycopg.Error, target: Target | None, timeout: float | None) -> BossctlError:
    where = f" ({target})" if target else ""
    match error:
        case pg.QueryCanceled():
            limit = f" of {timeout:g} s" if timeout else ""
            return StatementTimeout(
                f"the statement timeout{limit} ended a statement{where}",
                "give it longer with --statement-timeout 120s",
            )
        case pg.LockNotAvailable():
            return LockTimeout(f"another session holds a lock that is needed here{where}", "try again when it is done")
        case pg.InsufficientPrivilege():
            return _missing_privilege(error, target)
        case pg.ReadOnlySqlTransaction():
            return _read_only(target)
        case pg.UndefinedTable() | pg.UndefinedColumn() | pg.UndefinedFunction() | pg.InvalidSchemaName():
            return SchemaChanged(
                f"the schema changed since it was read: {_first_line(error)}{where}", "run the command again"
            )
        case pg.FeatureNotSupported() if "cached plan" in str(error):
            return StalePlan(f"the schema changed since it was read{where}", "run the command again")
        case pg.DeadlockDetected():
            return Deadlock(f"the server ended this to resolve a deadlock{where}", "run it again")
        case pg.SerializationFailure():
            return Deadlock(
                f"the server ended this: another session changed the same at that time{where}", "run it again"
            )
        case pg.UniqueViolation():
            return Conflict(f"the database refused this: {_first_line(error)}{where}")
        case pg.IntegrityError():
            return Refused(f"the database refused this: {_first_line(error)}{where}")
        case pg.TooManyConnections():
            return Unreachable(
                f"the server has no connection left{where}", "close some sessions or raise max_connections"
            )
        case pg.DiskFull():
            return Unreachable(f"the server's disk is full{where}", "free space on the server, then run it again")
        case psycopg.DataError() if error.sqlstate is None:
            return UsageError(f"PostgreSQL cannot hold a value that was given: {_first_line(error)}")
        case psycopg.OperationalError() | psycopg.InterfaceError():
            return Unreachable(
                f"lost the database{where}: {_first_line(error)}", "check that the server is up, then run it again"
            )
    state = f" (SQLSTATE {error.sqlstate})" if error.sqlstate else ""
    return BossctlError(f"the database refused a statement{where}: {_first_line(error)}{state}")


def connect_error(error: Exception, target: Target) -> BossctlError:
    """What to say when no connection could be made. libpq's text about a malformed DSN is not passed on."""
    if isinstance(error, psycopg.ProgrammingError):
        return malformed(target.source)
    message = str(error)
    place = f"{target.host}:{target.port}" if target.host else "the server"
    origin = f" (from {target.source})"
    if re.match(_UNUSABLE, message):
        return UsageError(
            f"no connection can be made as it is asked for{origin}: {_reason(message)}",
            "correct it there, in the service file or in the PG… variables of the environment",
        )
    if any(word in message for word in _NO_ENTRY):
        return Unreachable(
            f"{place} refused the password or login of role {target.user}{origin}",
            "check user and password in the DSN, PGPASSWORD or .pgpass (mode 0600)",
        )
    if "permission denied for database" in message:
        return MissingPrivilege(
            f'role {clean(target.user)} may not connect to the database "{clean(target.database)}"{origin}',
            f"GRANT CONNECT ON DATABASE {_quoted(target.database)} TO {_quoted(target.user)}",
        )
    if isinstance(error, pg.InvalidCatalogName) or ('database "' in message and "does not exist" in message):
        return Unreachable(
            f'there is no database "{clean(target.database)}" on {place}{origin}', "name another one in the DSN"
        )
    if found := re.search(r'too many connections for (role|database) "', message):
        whose = f"role {clean(target.user)}" if found[1] == "role" else f'database "{clean(target.database)}"'
        return Unreachable(f"{place} allows no more connections of {whose}{origin}", "close some, or raise its limit")
    if isinstance(error, pg.TooManyConnections) or any(word in message for word in _CROWDED):
        return Unreachable(f"{place} has no connection left{origin}", "close some sessions or raise max_connections")
    reason = _reason(message)
    if re.search(r"SSL|certificate|private key", reason):
        return Unreachable(
            f"cannot connect to {place}{origin}: {reason}",
            "check sslmode, sslrootcert, sslcert, sslkey and sslpassword, which is the key's passphrase",
        )
    return Unreachable(
        f"cannot connect to {place}{origin}: {reason}",
        "check that PostgreSQL runs there, or name it with --dsn postgresql://user@host:5432/database",
    )


def malformed(source: str) -> UsageError:
    """The DSN cannot be read; its text may hold a password and is not shown."""
    return UsageError(
        f"the connection string from {source} cannot be read",
        "write it as postgresql://user@host:5432/database or 'host=… dbname=… user=…'",
    )


def _missing_privilege(error: psycopg.Error, target: Target | None) -> MissingPrivilege:
    if target is None:
        return Denied(_first_line(error))
    reason = _first_line(error)
    hint = grant_hint(target.schema, target.user, used=bool(re.search(r"for (table|view|relation) ", reason)))
    return Denied(f"role {clean(target.user)} may not do this: {reason}", hint)


def grant_hint(schema: str, role: str, *, used: bool = False) -> str:
    """The statements that let a role read a schema, which it may use already where `used`."""
    usage, select = "GRANT USAGE ON SCHEMA {0} TO {1}", "GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {1}"
    return "; ".join((select,) if used else (usage, select)).format(_quoted(schema), _quoted(role))


def _read_only(target: Target | None) -> BossctlError:
    if target is not None and target.read_only:
        return UsageError("this connection is read-only", "leave out --read-only or use another context")
    return Unsupported("the server accepts no writes: it is a standby or read-only", "connect to the primary")


def _quoted(name: str) -> str:
    return '"' + clean(name).replace('"', '""') + '"'


def _first_line(error: psycopg.Error) -> str:
    text = error.diag.message_primary or str(error).strip().partition("\n")[0] or type(error).__name__
    return clean(text)


def _reason(message: str) -> str:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    text = lines[0] if lines else "no answer"
    return clean(text.rpartition("failed: ")[2].removeprefix("connection is bad: "))
