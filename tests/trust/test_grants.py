"""Least privilege: the whole command set under the roles that `info --grants` makes, and under one with nothing."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from typer.main import get_command

from bossctl.cli.app import command_line
from bossctl.demo.binaries import find_binaries
from bossctl.errors import Exit
from tests.cli.conftest import Bossctl, Result
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.database import Database
from tests.support.releases import NEWEST, ONE_PER_GENERATION, every, generation
from tests.support.roles import ACTIONS, JOB, NO_DATABASE, READS, role

README = Path(__file__).parents[2] / "README.md"
RELEASES = every(ONE_PER_GENERATION, kept=[NEWEST])


def printed(bossctl: Bossctl, db: Database, rights: str, name: str) -> str:
    result = bossctl("info", "--grants", rights, "--role", name, "--dsn", db.dsn)
    assert result.code == Exit.OK, result.err
    return result.text


def run(bossctl: Bossctl, commands: Mapping[str, tuple[str, ...]], dsn: str, job: str) -> Iterator[tuple[str, Result]]:
    for lines in commands.values():
        for line in lines:
            yield line, bossctl(*line.replace(JOB, job).split(), "--dsn", dsn)


def failed_job(db: Database) -> str:
    return str(db.value("SELECT id FROM job WHERE name = 'mail' AND state = 'failed' ORDER BY id LIMIT 1"))


def lacks(result: Result, release: str) -> bool:
    """Whether it failed because this generation has no queues at all, and said so."""
    told = "queue table" in result.err or "came with pg-boss" in result.err
    return generation(release) < 10 and result.code == Exit.UNSUPPORTED and told


def test_every_command_is_tried() -> None:
    def below(command: Any, path: tuple[str, ...]) -> Iterator[str]:
        for name, one in getattr(command, "commands", {}).items():
            if getattr(one, "commands", None):
                yield from below(one, (*path, name))
            else:
                yield " ".join((*path, name))

    assert set(below(get_command(command_line()), ())) == {*READS, *ACTIONS, *NO_DATABASE}
    assert all(line.startswith(name) for group in (READS, ACTIONS) for name, lines in group.items() for line in lines)


@pytest.mark.parametrize("release", RELEASES)
def test_an_operator_acts_and_a_viewer_looks(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    job = failed_job(db)
    name = f"operator_{db.name}"
    with role(db, name, made_by=printed(bossctl, db, "operator", name)) as dsn:
        for line, result in run(bossctl, READS, dsn, job):
            assert result.code == Exit.OK or lacks(result, release), f"{line}\n{result.err}"
        for line, result in run(bossctl, ACTIONS, dsn, job):
            if generation(release) == 10 and "brand-new" in line:
                made = "ensure" in line
                assert result.code == (Exit.UNSUPPORTED if made else Exit.NOTHING), line
                assert not made or "only the owner of the table job" in result.err
            else:
                assert result.code == Exit.OK or lacks(result, release), f"{line}\n{result.err}"
        if generation(release) >= 11:
            assert bossctl("queue", "ensure", "own", "--partition", "--dsn", dsn).code == Exit.UNSUPPORTED
        name = f"viewer_{db.name}"
        with role(db, name, made_by=printed(bossctl, db, "viewer", name)) as viewer:
            look_but_not_touch(bossctl, db, viewer, job)


def look_but_not_touch(bossctl: Bossctl, db: Database, dsn: str, job: str) -> None:
    """Everything an operator left is seen, nothing can be changed, and what lacks is named."""
    before = db.value("SELECT md5(string_agg(j::text, '' ORDER BY j.id)) FROM job AS j")
    for line, result in run(bossctl, READS, dsn, job):
        assert result.code == Exit.OK or lacks(result, db.release), f"{line}\n{result.err}"
        assert "may not" not in result.err, line
    operations = bossctl("log", "-o", "json", "--dsn", dsn).json()["operations"]
    last = next(one["operation"] for one in operations if one["action"] == "defer")
    lines = {**ACTIONS, "undo": (f"undo {last} --yes",), "queue delete": ("queue delete unused --yes",)}
    lines["job retry"] = ACTIONS["job retry"][1:]  # the operator has left nothing stuck
    lines["queue ensure"] = ("queue ensure mail --retry-limit 8", "queue ensure newer")
    for line, result in run(bossctl, lines, dsn, job):
        assert (result.code, result.out) == (Exit.UNSUPPORTED, b""), f"{line}\n{result.text}{result.err}"
        assert lacks(result, db.release) or re.search(r"^hint: .*\bGRANT \w+", result.err, re.M), result.err
    assert db.value("SELECT md5(string_agg(j::text, '' ORDER BY j.id)) FROM job AS j") == before


@pytest.mark.parametrize("release", RELEASES)
def test_a_role_that_may_see_nothing(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    with role(db, f"nobody_{db.name}") as dsn:
        for line, result in run(bossctl, {**READS, **ACTIONS}, dsn, failed_job(db)):
            assert (result.code, result.out) == (Exit.UNSUPPORTED, b""), f"{line}\n{result.err}"
            assert "may not use schema" in result.err, line
            assert "GRANT USAGE ON SCHEMA" in result.err, line
            assert "GRANT SELECT ON ALL TABLES" in result.err, line
        db.execute(f'REVOKE CONNECT ON DATABASE "{db.name}" FROM PUBLIC')
        result = bossctl("info", "--dsn", dsn)
        assert result.code == Exit.UNSUPPORTED
        assert f'GRANT CONNECT ON DATABASE "{db.name}"' in result.err


def test_what_the_own_schema_hides_is_told(bossctl: Bossctl, seeded: SeededFactory) -> None:
    """A viewer made before the first operation: the log and the archive are there, but not for this role."""
    db = seeded(NEWEST)
    name = f"early_{db.name}"
    with role(db, name, made_by=printed(bossctl, db, "viewer", name)) as dsn:
        archive = ("job", "archive", "queue:mail state:completed", "--limit", "1", "--yes")
        assert bossctl(*archive, "--dsn", db.dsn).code == Exit.OK
        job = str(db.value("SELECT id FROM bossctl.archive"))
        for line in ("log", "job list archived:true", f"job show {job}", "undo --yes", "job restore queue:mail --yes"):
            result = bossctl(*line.split(), "--dsn", dsn)
            assert "GRANT USAGE ON SCHEMA bossctl TO" in result.err, line
        result = bossctl("log", "--prune", "1d", "--yes", "--dsn", dsn)
        assert (result.code, result.out) == (Exit.UNSUPPORTED, b""), "it could not look, and says so"
        db.connection.execute(f'GRANT USAGE ON SCHEMA bossctl TO "{name}"'.encode())
        result = bossctl("log", "--dsn", dsn)
        assert "GRANT SELECT ON ALL TABLES IN SCHEMA bossctl" in result.err
        assert "GRANT USAGE" not in result.err, "only what lacks is named"
        db.connection.execute(printed(bossctl, db, "viewer", name).encode())
        assert bossctl("job", "show", job, "--dsn", dsn).code == Exit.OK
        assert bossctl("log", "--dsn", dsn).err == ""
    undo = f"undo {logged(bossctl, db)} --yes"
    assert logged(bossctl, db) not in undo
    db.execute("UPDATE bossctl.operation SET started_on = started_on - '2 days'::interval WHERE action = 'delete'")
    for line in (undo, "log --prune 1d --yes", "job restore queue:mail --yes"):
        does_as_soon_as_granted(bossctl, db, line)


@pytest.mark.parametrize("first", [0, 1])
def test_whoever_of_two_operators_acts_first_shares_the_log(
    bossctl: Bossctl, seeded: SeededFactory, first: int
) -> None:
    """The schema belongs to one of them, its tables to who makes them; a viewer was made between."""
    db = seeded("12.5.4")
    names = [f"{kind}_{db.name}" for kind in ("op1", "op2", "view")]
    with ExitStack() as roles:
        rights = ("operator", "operator", "viewer")
        dsns = [
            roles.enter_context(role(db, name, made_by=printed(bossctl, db, right, name)))
            for name, right in zip(names, rights, strict=True)
        ]
        for dsn in (dsns[first], dsns[1 - first]):
            for line in ("job delete queue:mail state:failed", "job archive queue:mail state:completed"):
                result = bossctl(*line.split(), "--limit", "1", "--yes", "--dsn", dsn)
                assert (result.code, "GRANT" in result.err) == (Exit.OK, False), result.err
        assert db.value("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'bossctl'") == names[first]
        for dsn in dsns:
            result = bossctl("log", "-o", "json", "--dsn", dsn)
            assert [one["where"] for one in result.json()["operations"]] == ["schema"] * 4, result.err
            assert len(bossctl("job", "list", "archived:true", "-o", "json", "--dsn", dsn).json()["jobs"]) == 2
        operation = bossctl("log", "-o", "json", "--dsn", dsns[2]).json()["operations"][0]["operation"]
        result = bossctl("undo", operation, "--yes", "--dsn", dsns[2])
        assert (result.code, "GRANT" in result.err) == (Exit.UNSUPPORTED, True)


def logged(bossctl: Bossctl, db: Database) -> str:
    """An operation that another role has done."""
    done = bossctl("job", "delete", "queue:mail state:completed", "--limit", "1", "--yes", "--dsn", db.dsn)
    assert done.code == Exit.OK, done.err
    return str(bossctl("log", "-o", "json", "--dsn", db.dsn).json()["operations"][0]["operation"])


def does_as_soon_as_granted(bossctl: Bossctl, db: Database, line: str) -> None:
    """A viewer is refused; with exactly the GRANTs of the hints, one refusal after the other, it can."""
    name = f"viewer_{db.name}"
    with role(db, name, made_by=printed(bossctl, db, "viewer", name)) as dsn:
        hints: list[str] = []
        while (result := bossctl(*line.split(), "--dsn", dsn)).code == Exit.UNSUPPORTED:
            if lacks(result, db.release):
                return
            [hint] = re.findall(r"^hint: .*?(GRANT .*)$", result.err, re.M)
            assert hint not in hints, f"{line}: {hint} did not help"
            hints.append(hint)
            db.connection.execute(hint.encode())
        assert result.code == Exit.OK, f"{line}\n{result.err}"
        assert hints, line


def test_only_what_lacks_is_named(bossctl: Bossctl, seeded: SeededFactory) -> None:
    """No right that the role has already; functions too where they are not everybody's."""
    db = seeded(NEWEST)
    db.execute("REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA pgboss FROM PUBLIC")
    name = f'odd "{db.name}'
    quoted = sql.Identifier(name).as_string(None)
    with role(db, name, made_by=printed(bossctl, db, "viewer", name)) as dsn:
        db.execute(f"GRANT INSERT, DELETE ON queue, job_dependency TO {quoted}")
        result = bossctl("queue", "ensure", "newer", "--dsn", dsn)
        assert result.code == Exit.UNSUPPORTED
        [hint] = re.findall(r"^hint: (.*)$", result.err, re.M)
        granted = [one.removesuffix(f" TO {quoted}") for one in hint.split("; ")]
        assert granted == [
            'GRANT INSERT, UPDATE, DELETE ON TABLE "pgboss"."job"',
            'GRANT DELETE ON TABLE "pgboss"."job_common"',
            'GRANT UPDATE ON TABLE "pgboss"."queue"',
            'GRANT EXECUTE ON FUNCTION "pgboss"."create_queue", "pgboss"."delete_queue", "pgboss"."job_now"',
        ]
        db.connection.execute(hint.encode())
        assert bossctl("queue", "ensure", "newer", "--dsn", dsn).code == Exit.OK
        refused = bossctl("queue", "ensure", "own", "--partition", "--dsn", dsn)
        db.connection.execute(re.findall("or (GRANT .*)", refused.err)[0].encode())
        assert bossctl("queue", "ensure", "own", "--partition", "--dsn", dsn).code == Exit.OK


@pytest.mark.matrix
@pytest.mark.parametrize("release", ONE_PER_GENERATION)
def test_the_named_grant_is_the_one_that_lacks(bossctl: Bossctl, seeded: SeededFactory, release: str) -> None:
    db = seeded(release)
    archive = ("job", "archive", "queue:mail state:completed", "--limit", "3", "--yes", "--dsn", db.dsn)
    assert bossctl(*archive).code == Exit.OK  # the schema bossctl is not a viewer's: it would go when that role goes
    for command, lines in ACTIONS.items():
        for line in lines:
            if command == "undo":
                line = f"undo {logged(bossctl, db)} --yes"
            elif command == "job restore" and generation(release) < 11:
                continue  # pg-boss's archive is the same grant as archive's
            does_as_soon_as_granted(bossctl, db, line)


@pytest.mark.matrix
@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
def test_an_owner_makes_tables_that_belong_to_pg_boss(
    bossctl: Bossctl, database: DatabaseFactory, release: str
) -> None:
    """Whoever makes a queue's own table, the role pg-boss connects as must be able to use and to drop it."""
    db = database(release)
    app_role, name = f"app_{db.name}", f"owner_{db.name}"
    with role(db, app_role) as as_app:
        db.connection.execute(handed_over(db, app_role).encode())
        with role(db, name, made_by=printed(bossctl, db, "owner", name)) as dsn:
            partition = [] if release == "10.4.2" else ["--partition"]
            for queue, who in (("by-member", dsn), ("by-superuser", db.dsn)):
                result = bossctl("queue", "ensure", queue, *partition, "--dsn", who)
                assert result.code == Exit.OK, result.err
                shown = bossctl("queue", "ensure", f"{queue}2", *partition, "--dry-run", "--show-sql", "--dsn", who)
                assert f'SET LOCAL ROLE "{app_role}"' in shown.text + shown.err
            owners = db.execute(
                "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'pgboss'::regnamespace"
                " AND relkind IN ('r', 'p')"
            )
            assert owners == [(app_role,)]
            for queue in ("by-member", "by-superuser"):
                assert bossctl("queue", "delete", queue, "--yes", "--dsn", dsn).code == Exit.OK
        assert bossctl("info", "--dsn", as_app).code == Exit.OK
        db.connection.execute(sql.SQL("REASSIGN OWNED BY {} TO CURRENT_USER").format(sql.Identifier(app_role)))


def handed_over(db: Database, owner: str) -> str:
    """What gives every object of the schema to another role, as an application's own role has it."""
    lines = db.execute(
        "SELECT format('ALTER TABLE pgboss.%%I OWNER TO %%I', relname, %(owner)s::text) FROM pg_class"
        " WHERE relnamespace = 'pgboss'::regnamespace AND relkind IN ('r', 'p')"
        " UNION ALL SELECT format('ALTER FUNCTION pgboss.%%I OWNER TO %%I', proname, %(owner)s::text) FROM pg_proc"
        " WHERE pronamespace = 'pgboss'::regnamespace"
        " UNION ALL SELECT format('ALTER SCHEMA pgboss OWNER TO %%I', %(owner)s::text)",
        {"owner": owner},
    )
    return ";".join(line for (line,) in lines)


@pytest.mark.parametrize("name", ["we\"ird'; DROP TABLE x; --", "$$back\\slash :x\n\\q", "Ünï コード"])
def test_any_role_name_survives_psql(bossctl: Bossctl, database: DatabaseFactory, name: str) -> None:
    """As the README says: piped into psql, all of it or nothing."""
    db = database(NEWEST)
    text = printed(bossctl, db, "viewer", name)
    psql = [find_binaries().program("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", db.dsn]
    try:
        done = subprocess.run(psql, input=text, capture_output=True, text=True)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert db.value("SELECT has_table_privilege(%s, 'pgboss.job', 'SELECT')", [name]) is True
        assert db.value("SELECT has_table_privilege(%s, 'pgboss.job', 'UPDATE')", [name]) is False
    finally:
        db.connection.execute(sql.SQL("DROP OWNED BY {}; DROP ROLE {}").format(*[sql.Identifier(name)] * 2))


def test_names_no_role_can_have(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database(NEWEST)
    for name in ("", "public", "none", "pg_monitor", "x" * 64, "ü" * 32):
        result = bossctl("info", "--grants", "viewer", "--role", name, "--dsn", db.dsn)
        assert (result.code, result.out) == (Exit.USAGE, b""), name
    assert bossctl("info", "--role", "someone", "--dsn", db.dsn).code == Exit.USAGE
    assert bossctl("info", "--grants", "operator", "-o", "json", "--dsn", db.dsn).code == Exit.USAGE


def test_no_control_byte_of_a_name_reaches_a_terminal(
    bossctl: Bossctl, database: DatabaseFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Into a file the very name goes; on a terminal there is no way to show it that could be run."""
    db, name = database(NEWEST), "red\x1b[31m\u202e"
    assert f'TO "{name}"' in printed(bossctl, db, "viewer", name)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    result = bossctl("info", "--grants", "viewer", "--role", name, "--dsn", db.dsn)
    assert (result.code, result.out) == (Exit.USAGE, b"")
    assert "\x1b" not in result.err


def test_the_schema_s_real_name_is_used(bossctl: Bossctl, database: DatabaseFactory) -> None:
    text = printed(bossctl, database(NEWEST, schema="Odd Name"), "operator", "someone")
    assert 'GRANT USAGE ON SCHEMA "Odd Name" TO "someone";' in text
    assert 'GRANT INSERT, UPDATE, DELETE ON TABLE "Odd Name"."job" TO "someone";' in text


def test_the_readme_shows_what_is_printed(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database(NEWEST)
    shown = re.findall(r"```sql\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    lines = (("viewer",), ("operator", "--role", "alice"))
    texts = [bossctl("info", "--grants", *line, "--dsn", db.dsn).text.replace(db.name, "shop") for line in lines]
    assert shown == texts
