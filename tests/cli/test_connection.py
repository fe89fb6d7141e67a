"""Which database is opened, end to end, and what is said when it cannot be."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from bossctl.demo.server import Server, running_server
from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST

PASSWORD = "pl4nted-Passw0rd"
WRONG = "host=127.0.0.1 port=1 connect_timeout=2"


@pytest.fixture
def elsewhere(database: DatabaseFactory) -> Database:
    """Another database, with its pg-boss in a schema of another name."""
    return database(NEWEST, schema="other_place")


def target(bossctl: Bossctl, *argv: str, **env: str) -> tuple[str, str, str]:
    """Database, schema and source that `bossctl info` reports."""
    result = bossctl("info", "-o", "json", *argv, env=env)
    assert result.code == 0, result.err
    found = result.json()["target"]
    return found["database"], found["schema"], found["source"]


def test_every_source_reaches_its_database(
    bossctl: Bossctl, newest: Database, elsewhere: Database, clean_environment: Path
) -> None:
    home = clean_environment
    here, there = (newest.name, "pgboss"), (elsewhere.name, "other_place")
    env = {"DATABASE_URL": newest.dsn}
    assert target(bossctl, **env) == (*here, "DATABASE_URL")
    (home / "pgboss.json").write_text(json.dumps({"connectionString": elsewhere.dsn, "schema": "other_place"}))
    assert target(bossctl, **env) == (*there, "pgboss.json")
    env |= {"PGBOSS_DATABASE_URL": newest.dsn}
    assert target(bossctl, **env) == (*here, "PGBOSS_DATABASE_URL")
    (home / ".config/bossctl").mkdir(parents=True)
    config = f'current = "there"\n[contexts.there]\ndsn = "{elsewhere.dsn}"\n[contexts.here]\ndsn = "{newest.dsn}"\n'
    (home / ".config/bossctl/config.toml").write_text(config)
    assert target(bossctl, **env) == (*there, "context there")
    env |= {"BOSSCTL_CONTEXT": "here"}
    assert target(bossctl, **env) == (*here, "context here")
    env |= {"BOSSCTL_DSN": elsewhere.dsn}
    assert target(bossctl, **env) == (*there, "BOSSCTL_DSN")
    assert target(bossctl, "--dsn", newest.dsn, **env) == (*here, "--dsn")
    assert target(bossctl, "--context", "here", **env) == (*here, "context here")


def test_libpq_s_own_environment_is_the_last_resort(bossctl: Bossctl, newest: Database) -> None:
    parts = conninfo_to_dict(newest.dsn)
    env = {"PGHOST": parts["host"], "PGPORT": parts["port"], "PGUSER": parts["user"], "PGDATABASE": newest.name}
    found = target(bossctl, **{name: str(value) for name, value in env.items()})
    assert found == (newest.name, "pgboss", "libpq environment")


def test_a_flag_before_the_command_beats_the_environment(bossctl: Bossctl, newest: Database) -> None:
    result = bossctl("--dsn", newest.dsn, "queue", "list", "-o", "json", env={"BOSSCTL_DSN": WRONG})
    assert result.code == 0
    result = bossctl("--dsn", WRONG, "queue", "--dsn", WRONG, "list", "--dsn", newest.dsn)
    assert result.code == 0


def test_several_schemas_are_listed(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database(NEWEST, schema="one")
    db.install(NEWEST, "two")
    result = bossctl("queue", "list", "--dsn", db.dsn)
    assert (result.code, result.out) == (4, b"")
    assert "one" in result.err
    assert "two" in result.err
    assert "--schema" in result.err
    assert bossctl("queue", "list", "--dsn", db.dsn, "--schema", "two").code == 0
    assert bossctl("queue", "list", "--dsn", db.dsn, env={"BOSSCTL_SCHEMA": "one"}).code == 0


def test_no_schema_and_a_wrong_one(bossctl: Bossctl, database: DatabaseFactory, newest: Database) -> None:
    result = bossctl("info", "--dsn", database(None).dsn)
    assert (result.code, result.out) == (4, b"")
    result = bossctl("info", "--dsn", newest.dsn, "--schema", "nope")
    assert (result.code, result.out) == (4, b"")
    assert "nope" in result.err


def test_read_only_and_application_name(bossctl: Bossctl, newest: Database) -> None:
    assert bossctl("info", "--read-only", "-o", "json", "--dsn", newest.dsn).json()["target"]["read_only"] is True
    assert bossctl("queue", "ensure", "new", "--read-only", "--dsn", newest.dsn).code == 2
    assert newest.value("SELECT count(*) FROM queue WHERE name = 'new'") == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server that asks for a password over TCP."""
    with running_server(tcp=True) as server:
        yield server


ALL_COMMANDS = (("info",), ("queue", "list"), ("doctor",), ("job", "list", "-o", "json"))


@pytest.mark.parametrize("argv", ALL_COMMANDS, ids=" ".join)
def test_no_password_in_any_failure(bossctl: Bossctl, guarded: Server, argv: tuple[str, ...]) -> None:
    real = guarded.tcp_dsn("postgres")
    parts = conninfo_to_dict(real)
    where = f"{parts['host']}:{parts['port']}"
    wrong = {
        "wrong password": (f"postgres://{parts['user']}:{PASSWORD}@{where}/postgres", 3),
        "wrong user": (f"postgres://nobody:{PASSWORD}@{where}/postgres", 3),
        "wrong port": (f"postgres://u:{PASSWORD}@127.0.0.1:1/postgres", 3),
        "wrong host": (f"postgres://u:{PASSWORD}@no-such-host.invalid/postgres", 3),
        "malformed": (f"postgres://u:{PASSWORD}@@h/postgres", 2),
        "space": (f"postgres://u:{PASSWORD} x@h/postgres", 2),
        "percent": (f"postgres://u:%zz{PASSWORD}@h/postgres", 2),
        "unknown parameter": (f"postgres://u:p@h/postgres?nonsense={PASSWORD}", 2),
        "bad keyword": (f"host=h nonsense={PASSWORD}", 2),
        "unclosed quote": (f"host=h password='{PASSWORD}", 2),
    }
    for what, (dsn, code) in wrong.items():
        for given, env in ((["--dsn", dsn], {}), ([], {"BOSSCTL_DSN": dsn}), ([], {"DATABASE_URL": dsn})):
            result = bossctl(*argv, *given, env={**env, "BOSSCTL_DEBUG": "1"})
            assert result.code == code, f"{what}: {result.err}"
            assert PASSWORD not in result.err + result.text, what
            assert result.err.startswith("error: "), what
            assert "Traceback" not in result.err, what


def test_no_password_of_a_good_connection(bossctl: Bossctl, guarded: Server) -> None:
    """The database exists but holds no pg-boss: everything is connected, nothing is told."""
    result = bossctl("info", "--dsn", guarded.tcp_dsn("postgres"))
    assert result.code == 4
    assert guarded.password
    assert str(guarded.password) not in result.err
    result = bossctl("info", "--dsn", guarded.tcp_dsn("no-such-database"))
    assert result.code == 3
    assert "no-such-database" in result.err
    assert str(guarded.password) not in result.err
