"""Connection strings as people have them, made into what libpq takes. Pure: libpq itself is asked by the store.

URLs made for Node carry parameters libpq refuses. Parameters of an ORM, a pooler or a driver that say nothing about
where the database is are dropped (`schema=` of Prisma is one: it is not pg-boss's schema). Those about TLS are
translated, never dropped in silence:

- `sslmode=no-verify` and `ssl=no-verify` become `sslmode=require`: encrypted, certificate not checked;
- `ssl=true` or `1` becomes `sslmode=require`, as libpq itself reads it; `ssl=false` or `0` becomes `sslmode=disable`;
- Prisma's `sslaccept=strict` becomes `sslmode=verify-full` unless a mode is given; other values ask for nothing.

A parameter known to neither side stays, and libpq refuses it: a misspelt `sslmode` must not weaken a connection.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bossctl.errors import UsageError

FOREIGN_PARAMETERS = frozenset(
    (
        *("schema", "pgbouncer", "connection_limit", "pool_timeout", "socket_timeout"),
        *("statement_cache_size", "sslidentity", "uselibpqcompat", "statement_timeout", "lock_timeout"),
        *("query_timeout", "idle_in_transaction_session_timeout", "max", "idleTimeoutMillis"),
        *("connectionTimeoutMillis", "pool_size", "poolSize", "pool_max_conns", "pool_min_conns", "prepare"),
        *("prepareThreshold", "binary_parameters", "currentSchema", "search_path", "supa", "workaround"),
    )
)
EXAMPLE = "for example postgresql://user@host:5432/database or 'host=… dbname=…'"
ESCAPE_HINT = "in a password write @ as %40, : as %3A, / as %2F, ? as %3F, # as %23, % as %25"
# Compiled at the first use: most invocations need few of them.
_URL = r"postgres(?:ql)?(?:\+\w+)?://"
_ANY_URL = r"[A-Za-z][A-Za-z0-9+.-]*:"
_KEYWORD = r"\s*[A-Za-z_]+\s*="
_HOST = r"(?:\[[0-9A-Fa-f:.%]*\]|[^\[\]:]*)(?::\d*)?"
_PASSWORD_KEY = r"(?i)\b(password|sslpassword|oauth_client_secret)(\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:\\.?|[^\s&'\"\\])+)"
_SHOWN_PASSWORD = _PASSWORD_KEY.replace(r"\\.", r"\\+.")
"""The same in a text that may show each backslash as two."""
_USERINFO = r"((?:\b[A-Za-z][A-Za-z0-9+.-]*:/{1,2}|(?<![\w:/])//)[^\s:/@]*:)[^\n]*@"
_PORT = r"\d{1,5}"
_BARE_PERCENT = r"%(?![0-9A-Fa-f]{2})"


@dataclass(frozen=True)
class FileConnection:
    """What a pg-boss configuration file says."""

    dsn: str = field(repr=False)
    schema: str | None


def checked_dsn(value: str, source: str) -> str:
    """Return `value` as libpq takes it. Raises UsageError, which names `source` and never the value."""
    text = value.strip()
    if not can_be_sent(text):
        raise UsageError(f"{source} holds bytes that no connection string can", EXAMPLE)
    if re.match(_URL, text):
        return _checked_url(text, source)
    if re.match(_KEYWORD, text):
        return text
    if re.match(_ANY_URL, text):
        raise UsageError(f"{source} is a URL, but not of PostgreSQL", EXAMPLE)
    raise UsageError(f"{source} is neither a PostgreSQL URL nor a libpq connection string", EXAMPLE)


def can_be_sent(text: str) -> bool:
    """False for what PostgreSQL can take in no encoding: NUL, and bytes that were not UTF-8."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def join_conninfo(parts: Mapping[str, str]) -> str:
    """Write keywords and values as one libpq connection string."""
    quoted = {key: value.replace("\\", "\\\\").replace("'", "\\'") for key, value in parts.items()}
    return " ".join(f"{key}='{value}'" for key, value in quoted.items())


def from_pgboss_file(text: str, name: str) -> FileConnection | None:
    """Read `pgboss.json` or `.pgbossrc`; None when it names neither a connection string, a host nor a database.

    `ssl: true` and `ssl: {"rejectUnauthorized": false}` become `sslmode=require`, `rejectUnauthorized: true` becomes
    `sslmode=verify-full`. Raises UsageError naming the key, never a value.
    """
    table = _parsed(text, name)
    schema = _text(table, "schema", name)
    ssl_mode = _ssl_mode(table.get("ssl"), name)
    connection = _text(table, "connectionString", name)
    if connection:
        return FileConnection(_with_ssl(checked_dsn(connection, f"connectionString in {name}"), ssl_mode), schema)
    parts = {"host": _text(table, "host", name), "port": _port(table, name), "dbname": _text(table, "database", name)}
    if not parts["host"] and not parts["dbname"]:
        return None
    parts |= {"user": _text(table, "user", name), "password": _text(table, "password", name), "sslmode": ssl_mode}
    dsn = join_conninfo({key: value for key, value in parts.items() if value})
    return FileConnection(checked_dsn(dsn, name), schema)


def redact(text: str) -> str:
    """Blot out passwords in URLs and connection strings anywhere in `text`."""
    return re.sub(_SHOWN_PASSWORD, r"\1\2***", re.sub(_USERINFO, r"\1***@", text))


def passwords(dsn: str) -> tuple[str, ...]:
    """The passwords written in `dsn`, as they stand and decoded."""
    from urllib.parse import unquote

    found = [match[3] for match in re.finditer(_PASSWORD_KEY, dsn)]
    if re.match(_URL, dsn) and "@" in dsn:
        userinfo = dsn.partition("://")[2].rpartition("@")[0]
        found.append(userinfo.partition(":")[2])
    plain = [re.sub(r"\\(.)", r"\1", value.strip("'")) for value in found]
    return tuple({text for value in (*found, *plain) for text in (value, unquote(value)) if text})


def _checked_url(text: str, source: str) -> str:
    scheme_end = text.index("://") + 3
    address, mark, query = text[scheme_end:].partition("?")
    authority, _, path = address.partition("/")
    userinfo, _, hosts = authority.rpartition("@")
    if (
        re.search(_BARE_PERCENT, userinfo)
        or "@" in userinfo
        or "@" in path
        or not all(re.fullmatch(_HOST, host) for host in hosts.split(","))
    ):
        raise UsageError(f"{source} is not a well-formed PostgreSQL URL", ESCAPE_HINT)
    parameters = _translated(query.split("&")) if mark else []
    return f"postgresql://{address}" + (f"?{'&'.join(parameters)}" if parameters else "")


def _translated(parameters: list[str]) -> list[str]:
    kept: list[str] = []
    mode_given = any(parameter.startswith("sslmode=") for parameter in parameters)
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key in FOREIGN_PARAMETERS or not parameter:
            continue
        if (key, value) in (("sslmode", "no-verify"), ("ssl", "no-verify"), ("ssl", "true"), ("ssl", "1")):
            kept.append("sslmode=require")
        elif (key, value) in (("ssl", "false"), ("ssl", "0")):
            kept.append("sslmode=disable")
        elif key == "sslaccept":
            kept += ["sslmode=verify-full"] if value == "strict" and not mode_given else []
        else:
            kept.append(parameter)
    return kept


def _with_ssl(dsn: str, mode: str | None) -> str:
    if mode is None or "sslmode" in dsn:
        return dsn
    if not re.match(_URL, dsn):
        return f"{dsn} sslmode={mode}"
    return f"{dsn}{'&' if '?' in dsn else '?'}sslmode={mode}"


def _parsed(text: str, name: str) -> Mapping[str, object]:
    import json

    try:
        table = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name} is not valid JSON at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise UsageError(f"{name} is nested too deeply") from None
    if not isinstance(table, dict):
        raise UsageError(f"{name} must hold one JSON object")
    return table


def _text(table: Mapping[str, object], key: str, name: str) -> str | None:
    value = table.get(key)
    if value is None or isinstance(value, str):
        return value or None
    raise UsageError(f"`{key}` in {name} must be text")


def _port(table: Mapping[str, object], name: str) -> str | None:
    value = table.get("port")
    if value is None or value == "":
        return None
    if isinstance(value, (int, str)) and not isinstance(value, bool) and re.fullmatch(_PORT, str(value)):
        return str(value)
    raise UsageError(f"`port` in {name} must be a port number")


def _ssl_mode(value: object, name: str) -> str | None:
    if value is None or value is False:
        return None
    if value is True:
        return "require"
    if isinstance(value, dict):
        for key in ("ca", "cert", "key"):
            if key in value:
                hint = "give the connection with --dsn and sslrootcert, sslcert, sslkey"
                raise UsageError(f"`ssl.{key}` in {name} holds a certificate, and libpq wants a file", hint)
        return "require" if value.get("rejectUnauthorized") is False else "verify-full"
    raise UsageError(f"`ssl` in {name} must be true, false or an object")
