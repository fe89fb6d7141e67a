"""Where the connection comes from."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from bossctl.config import ConnectionSpec, Flags, context_file, resolve
from bossctl.dsn import checked_dsn, join_conninfo, passwords, redact
from bossctl.errors import UsageError

PASSWORD = "pl4nted-Passw0rd"
NO_FLAGS = Flags()

CONTEXTS = f"""
current = "prod"
[contexts.prod]
dsn = "postgresql://app:{PASSWORD}@prod.invalid/orders"
schema = "jobs"
read_only = true
statement_timeout = 5
[contexts.local]
dsn = ""
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    directory = tmp_path / "config" / "bossctl"
    directory.mkdir(parents=True)
    (directory / "config.toml").write_text(CONTEXTS)
    return tmp_path


def env(home: Path, **more: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(home / "config"), "HOME": str(home), **more}


def bare(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(tmp_path), **more}


def write_pgboss(path: Path, **keys: object) -> None:
    path.write_text(json.dumps(keys))


EVERYTHING = {
    "BOSSCTL_DSN": "host=from-bossctl-dsn",
    "BOSSCTL_CONTEXT": "local",
    "PGBOSS_DATABASE_URL": "postgres://from-pgboss-url/db",
    "PGBOSS_SCHEMA": "pgboss_env",
    "DATABASE_URL": "postgres://from-database-url/db",
}


def test_sources_are_tried_in_the_contract_s_order(home: Path) -> None:
    write_pgboss(home / "pgboss.json", host="from-pgboss-json", schema="filed")
    environ = env(home, **EVERYTHING)

    def source(flags: Flags = NO_FLAGS) -> str:
        return resolve(flags, environ, home).source

    assert source(Flags(dsn="host=flag")) == "--dsn"
    assert source(Flags(context="local")) == "context local"
    assert source() == "BOSSCTL_DSN"
    del environ["BOSSCTL_DSN"]
    assert source() == "context local"
    del environ["BOSSCTL_CONTEXT"]
    assert source() == "context prod"
    (home / "config/bossctl/config.toml").write_text('[contexts.prod]\ndsn = ""\n')
    assert source() == "PGBOSS_DATABASE_URL"
    del environ["PGBOSS_DATABASE_URL"]
    assert source() == "pgboss.json"
    (home / "pgboss.json").unlink()
    write_pgboss(home / ".pgbossrc", database="rc")
    assert source() == ".pgbossrc"
    (home / ".pgbossrc").unlink()
    assert source() == "DATABASE_URL"
    del environ["DATABASE_URL"]
    assert source() == "libpq environment"
    assert resolve(Flags(), environ, home).dsn == ""


def test_a_source_is_taken_whole(home: Path) -> None:
    environ = env(home, **EVERYTHING)
    assert resolve(Flags(), environ, home).schema is None, "PGBOSS_SCHEMA belongs to PGBOSS_DATABASE_URL"
    spec = resolve(Flags(context="prod"), environ, home)
    assert (spec.schema, spec.schema_source, spec.read_only, spec.statement_timeout) == (
        "jobs",
        "context prod",
        True,
        5,
    )
    del environ["BOSSCTL_DSN"], environ["BOSSCTL_CONTEXT"]
    (home / "config/bossctl/config.toml").unlink()
    spec = resolve(Flags(), environ, home)
    assert (spec.schema, spec.schema_source, spec.read_only) == ("pgboss_env", "PGBOSS_DATABASE_URL", False)


def test_only_schema_flag_and_bossctl_schema_cross_sources(home: Path) -> None:
    environ = env(home, BOSSCTL_SCHEMA="crossed")
    spec = resolve(Flags(), environ, home)
    assert (spec.source, spec.schema, spec.schema_source) == ("context prod", "crossed", "BOSSCTL_SCHEMA")
    spec = resolve(Flags(schema="typed"), environ, home)
    assert (spec.schema, spec.schema_source) == ("typed", "--schema")


def test_flags_tighten_a_context(home: Path) -> None:
    spec = resolve(Flags(context="local", read_only=True, statement_timeout=2.5), env(home), home)
    assert spec == ConnectionSpec("", None, "context local", None, "local", True, 2.5)
    assert resolve(Flags(context="prod"), env(home), home).read_only, "no flag loosens a read-only context"


def test_defaults(tmp_path: Path) -> None:
    spec = resolve(Flags(), bare(tmp_path), tmp_path)
    assert spec == ConnectionSpec("", None, "libpq environment", None, None, False, 30)


def test_a_flag_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / ".config/bossctl").mkdir(parents=True)
    (tmp_path / ".config/bossctl/config.toml").write_text("broken = = toml")
    (tmp_path / "pgboss.json").write_text("{broken")
    assert resolve(Flags(dsn="dbname=x"), bare(tmp_path), tmp_path).dsn == "dbname=x"
    assert resolve(Flags(), bare(tmp_path, BOSSCTL_DSN="dbname=y"), tmp_path).dsn == "dbname=y"


def test_context_file_follows_xdg(tmp_path: Path) -> None:
    assert context_file({"XDG_CONFIG_HOME": "relative", "HOME": "/h"}) == Path("/h/.config/bossctl/config.toml")
    assert context_file({"XDG_CONFIG_HOME": str(tmp_path)}) == tmp_path / "bossctl" / "config.toml"


@pytest.mark.parametrize(
    ("toml", "message", "hint"),
    [
        ('[contexts.a]\ndsn=""\nshcema="x"', "unknown key `shcema` in [contexts.a]", "statement_timeout"),
        ('curent="a"\n[contexts.a]\ndsn=""', "unknown key `curent` at the top", "current, contexts"),
        ('[contexts.b]\ndsn=""\n[contexts.c]\ndsn=""', "names the context a, which", "contexts there: b, c"),
        ('[contexts.a]\nschema="x"', "`dsn` is missing in [contexts.a]", "libpq"),
        ("[contexts.a]\ndsn=5", "`dsn` in [contexts.a]", None),
        ('[contexts.a]\ndsn=""\nread_only="yes"', "`read_only` in [contexts.a]", None),
        ('[contexts.a]\ndsn=""\nstatement_timeout=true', "`statement_timeout` in [contexts.a]", None),
        ('[contexts.a]\ndsn=""\nstatement_timeout=0', "statement timeout must be more than 0", "30s"),
        ("contexts = 3", "`contexts` in", None),
        ("[contexts]\na = 3", "contexts.a in", None),
        ("[contexts.a]\ndsn = = 3", "not valid TOML at line 2", None),
        (f'[contexts.a]\ndsn="nonsense {PASSWORD}"', "neither a PostgreSQL URL nor", "for example"),
    ],
)
def test_a_bad_context_file_names_the_place(home: Path, toml: str, message: str, hint: str | None) -> None:
    (home / "config/bossctl/config.toml").write_text(toml)
    with pytest.raises(UsageError) as caught:
        resolve(Flags(context="a"), env(home), home)
    assert message in str(caught.value)
    assert caught.value.hint is None if hint is None else hint in (caught.value.hint or "")
    assert PASSWORD not in f"{caught.value}{caught.value.hint}"


def test_current_must_exist(home: Path) -> None:
    (home / "config/bossctl/config.toml").write_text('current = "gone"\n')
    with pytest.raises(UsageError, match=r"`current` in .* names the context gone"):
        resolve(Flags(), env(home), home)


@pytest.mark.parametrize(
    ("keys", "conninfo"),
    [
        (
            {"host": "h", "port": 6543, "database": "d", "user": "u"},
            {"host": "h", "port": "6543", "dbname": "d", "user": "u"},
        ),
        ({"host": "h", "port": "6543"}, {"host": "h", "port": "6543"}),
        ({"database": "it's \\ here"}, {"dbname": "it's \\ here"}),
        ({"host": "h", "ssl": True}, {"host": "h", "sslmode": "require"}),
        ({"host": "h", "ssl": {"rejectUnauthorized": False}}, {"host": "h", "sslmode": "require"}),
        ({"host": "h", "ssl": {"rejectUnauthorized": True}}, {"host": "h", "sslmode": "verify-full"}),
        ({"host": "h", "ssl": False}, {"host": "h"}),
        ({"connectionString": "postgres://c/d", "host": "no"}, {"host": "c", "dbname": "d"}),
        ({"connectionString": "postgres://c/d", "ssl": True}, {"host": "c", "dbname": "d", "sslmode": "require"}),
        (
            {"connectionString": "postgres://c/d?sslmode=disable", "ssl": True},
            {"host": "c", "dbname": "d", "sslmode": "disable"},
        ),
        ({"connectionString": "host=c", "ssl": True}, {"host": "c", "sslmode": "require"}),
        ({"host": "$HOME", "user": "`id`"}, {"host": "$HOME", "user": "`id`"}),
    ],
)
def test_pgboss_json(tmp_path: Path, keys: dict[str, object], conninfo: dict[str, str]) -> None:
    write_pgboss(tmp_path / "pgboss.json", **keys, schema="s", backend="postgres")
    spec = resolve(Flags(), bare(tmp_path), tmp_path)
    assert conninfo_to_dict(spec.dsn) == conninfo
    assert (spec.schema, spec.schema_source) == ("s", "pgboss.json")


def test_a_pgboss_file_without_a_database_is_no_source(tmp_path: Path) -> None:
    write_pgboss(tmp_path / "pgboss.json", schema="s")
    write_pgboss(tmp_path / ".pgbossrc", host="never-read: the first file ends the search, as in pg-boss")
    spec = resolve(Flags(), bare(tmp_path), tmp_path)
    assert (spec.source, spec.schema) == ("libpq environment", None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{broken " + PASSWORD, "pgboss.json is not valid JSON at line 1, column 2"),
        ("[1]", "one JSON object"),
        ("[" * 100_000, "nested too deeply"),
        ('{"host": 5}', "`host` in pgboss.json must be text"),
        ('{"host": "h", "port": "' + PASSWORD + '"}', "`port` in pgboss.json"),
        ('{"host": "h", "ssl": {"ca": "-----BEGIN"}}', "`ssl.ca` in pgboss.json"),
        ('{"host": "h", "ssl": "yes"}', "`ssl` in pgboss.json"),
        ('{"connectionString": "' + PASSWORD + '"}', "connectionString in pgboss.json is neither"),
    ],
)
def test_a_bad_pgboss_file_names_the_key_and_no_value(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pgboss.json").write_text(text)
    with pytest.raises(UsageError) as caught:
        resolve(Flags(), bare(tmp_path), tmp_path)
    assert message in str(caught.value)
    assert PASSWORD not in f"{caught.value}{caught.value.hint}"


def test_unreadable_files_are_usage_errors(tmp_path: Path) -> None:
    (tmp_path / "pgboss.json").mkdir()
    with pytest.raises(UsageError, match=r"pgboss\.json cannot be read"):
        resolve(Flags(), bare(tmp_path), tmp_path)
    (tmp_path / "pgboss.json").rmdir()
    (tmp_path / "pgboss.json").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match=r"pgboss\.json is not UTF-8"):
        resolve(Flags(), bare(tmp_path), tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_files_of_another_user(home: Path) -> None:
    file = home / "config/bossctl/config.toml"
    file.chmod(0)
    with pytest.raises(UsageError, match=r"config\.toml cannot be read"):
        resolve(Flags(), env(home), home)
    file.parent.chmod(0)
    assert resolve(Flags(), env(home), home).source == "libpq environment"
    file.parent.chmod(0o700)


def test_names_that_no_database_can_hold(tmp_path: Path) -> None:
    for environ in ({"BOSSCTL_SCHEMA": "\udcff"}, {"PGBOSS_HOST": "\udcff"}):
        with pytest.raises(UsageError, match="holds bytes that no"):
            resolve(Flags(), bare(tmp_path, **environ), tmp_path)
    (tmp_path / "pgboss.json").write_text('{"host": "h\\u0000"}')
    with pytest.raises(UsageError, match=r"pgboss\.json holds bytes"):
        resolve(Flags(), bare(tmp_path), tmp_path)


def test_pgboss_s_own_variables(tmp_path: Path) -> None:
    environ = bare(
        tmp_path, PGBOSS_HOST="h", PGBOSS_PORT="1", PGBOSS_DATABASE="d", PGBOSS_USER="u", PGBOSS_PASSWORD=PASSWORD
    )
    spec = resolve(Flags(), environ | {"PGBOSS_SCHEMA": "s"}, tmp_path)
    assert conninfo_to_dict(spec.dsn) == {"host": "h", "port": "1", "dbname": "d", "user": "u", "password": PASSWORD}
    assert (spec.source, spec.schema) == ("PGBOSS_HOST", "s")
    assert PASSWORD not in repr(spec)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://h/db?schema=public&pgbouncer=true&connection_limit=1", {"host": "h", "dbname": "db"}),
        ("postgres://h/db?sslmode=no-verify", {"host": "h", "dbname": "db", "sslmode": "require"}),
        ("postgres://h/db?ssl=true", {"host": "h", "dbname": "db", "sslmode": "require"}),
        ("postgres://h/db?ssl=0", {"host": "h", "dbname": "db", "sslmode": "disable"}),
        (
            "postgres://h/db?sslmode=verify-full&uselibpqcompat=true",
            {"host": "h", "dbname": "db", "sslmode": "verify-full"},
        ),
        ("postgres://h/db?sslaccept=strict", {"host": "h", "dbname": "db", "sslmode": "verify-full"}),
        ("postgres://h/db?sslaccept=accept_invalid_certs", {"host": "h", "dbname": "db"}),
        ("postgres://h/db?sslaccept=strict&sslmode=disable", {"host": "h", "dbname": "db", "sslmode": "disable"}),
        (
            "postgres://h/db?application_name=x&options=-c%20a%3Db",
            {"host": "h", "dbname": "db", "application_name": "x", "options": "-c a=b"},
        ),
        (
            "postgresql+asyncpg://u:p%40w@h:5433/db",
            {"host": "h", "port": "5433", "dbname": "db", "user": "u", "password": "p@w"},
        ),
        ("postgresql://[::1]:5432/db", {"host": "::1", "port": "5432", "dbname": "db"}),
        ("postgresql://a,b:5433/db", {"host": "a,b", "port": ",5433", "dbname": "db"}),
        ("postgres:///db?host=/run/pg", {"dbname": "db", "host": "/run/pg"}),
        ("  host=h dbname='a b'\n", {"host": "h", "dbname": "a b"}),
    ],
)
def test_urls_from_node_become_libpq_s(url: str, expected: dict[str, str]) -> None:
    assert conninfo_to_dict(checked_dsn(url, "DATABASE_URL")) == expected


def test_a_misspelt_tls_parameter_is_not_dropped() -> None:
    assert checked_dsn("postgres://h/db?sslmod=verify-full", "x").endswith("?sslmod=verify-full")


@pytest.mark.parametrize(
    "dsn",
    [
        PASSWORD,
        f"mysql://u:{PASSWORD}@h/db",
        f"file:./{PASSWORD}.db",
        f"postgres://u:{PASSWORD}@x@h/db",
        f"postgres://u:1/{PASSWORD}@h/db",
        f"postgres://u:{PASSWORD}/x@h/db",
        f"postgres://u:{PASSWORD}?x@h/db",
        f"postgres://u:p@h:{PASSWORD}/db",
        f"host=h password={PASSWORD}\0",
        f"postgres://u:{PASSWORD}@h/\udc80",
    ],
)
def test_malformed_dsns_are_never_echoed(tmp_path: Path, dsn: str) -> None:
    for flags, environ in [(Flags(dsn=dsn), {}), (Flags(), {"BOSSCTL_DSN": dsn}), (Flags(), {"DATABASE_URL": dsn})]:
        with pytest.raises(UsageError) as caught:
            resolve(flags, bare(tmp_path, **environ), tmp_path)
        assert PASSWORD not in f"{caught.value}{caught.value.hint}"
        assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (Flags(dsn=" "), "--dsn is empty"),
        (Flags(schema=""), "--schema is empty"),
        (Flags(dsn="dbname=x", context="prod"), "both name a database"),
        (Flags(dsn="dbname=x", statement_timeout=0), "more than 0"),
        (Flags(dsn="dbname=x", statement_timeout=100_000), "at most a day"),
        (Flags(context="x"), "--context names the context x"),
    ],
)
def test_bad_flags(tmp_path: Path, flags: Flags, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(flags, bare(tmp_path), tmp_path)


def test_nothing_shows_a_password(home: Path) -> None:
    flags = Flags(dsn=f"postgres://u:{PASSWORD}@h/db")
    assert PASSWORD not in f"{flags!r}{resolve(flags, env(home), home)!r}{resolve(Flags(), env(home), home)!r}"


ESCAPED = f"host=h password=a\\'{PASSWORD}"
ESCAPED_IN_QUOTES = f"host=h password='a\\'{PASSWORD}'"


@pytest.mark.parametrize(
    "text",
    [
        f"No such command 'postgres://u:{PASSWORD}@h/db'.",
        f"postgres://u:a {PASSWORD}@b@h/db",
        f"connection 'host=h password={PASSWORD} dbname=d' failed",
        f"host=h password='it\\'s {PASSWORD}' dbname=d",
        f"postgres://h/db?user=u&password={PASSWORD}&x=1",
        f"host=h password=a\\'{PASSWORD}",
        f"No such command {ESCAPED!r}",
        f"No such command {ESCAPED_IN_QUOTES!r}",
        f"//u:{PASSWORD}@h/x",
        f"there is no directory postgresql:/u:{PASSWORD}@h",
    ],
)
def test_redact(text: str) -> None:
    assert PASSWORD not in redact(text)
    assert "***" in redact(text)


def test_redact_leaves_the_rest() -> None:
    text = "queue email@work: no password for user x at postgresql://host:5432/db"
    assert redact(text) == text


def test_passwords_are_found_as_written_and_decoded() -> None:
    assert set(passwords("postgres://u:p%40w@h/db")) == {"p%40w", "p@w"}
    assert "a\\" in passwords(r"password='a\\' user=u")
    assert "it's" in passwords(join_conninfo({"password": "it's", "host": "h"}))
    assert passwords("postgres://h/db") == ()
    assert passwords("") == ()
