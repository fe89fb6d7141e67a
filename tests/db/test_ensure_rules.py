"""What is refused before anything is written, and what is said before it is done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from bossctl.actions import Operator, planning
from bossctl.errors import BossctlError, Exit, MissingPrivilege, Unsupported, UsageError
from bossctl.models.operations import EnsureAction, EnsureResult, QueueDeletion, QueueSpec
from bossctl.models.queues import OptionValue
from bossctl.store import Store
from tests.conftest import DatabaseFactory
from tests.support.database import Database
from tests.support.releases import NEWEST
from tests.support.stores import open_store, spec_of

Options = Mapping[str, OptionValue]


@asynccontextmanager
async def operating(db: Database) -> AsyncIterator[Operator]:
    async with await open_store(db) as store:
        yield Operator(store)


async def refused(operator: Operator, name: str, options: Options) -> BossctlError:
    with pytest.raises(BossctlError) as caught:
        await operator.ensure(QueueSpec(name, options))
    return caught.value


def queues(db: Database) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM queue WHERE name NOT LIKE '\\_\\_%' ORDER BY 1")]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"policy": "fast"}, 'no policy "fast"'),
        ({"heartbeat": 9}, "less than pg-boss takes, which is 10s"),
        ({"expire_in": 86_401}, "more than pg-boss takes, which is 1d"),
        ({"expire_in": 0}, "less than pg-boss takes, which is 1s"),
        ({"retention": 0}, "less than pg-boss takes, which is 1s"),
        ({"retention": 2**31}, "more than its column can hold"),
        ({"retry_limit": -1}, "less than pg-boss takes, which is 0"),
        ({"retry_delay_max": 60}, "only with backoff"),
        ({"retry_delay_max": 60, "retry_backoff": False}, "only with backoff"),
        ({"retry_limit": None}, "always has a value"),
        ({"policy": None}, "always has a value"),
        ({"dead_letter": "mail"}, "its own dead letter"),
        ({"dead_letter": ""}, "empty or holds"),
    ],
)
async def test_values_that_pg_boss_would_refuse(database: DatabaseFactory, options: Options, words: str) -> None:
    db = database(NEWEST)
    async with operating(db) as operator:
        new = await refused(operator, "mail", options)
        assert words in str(new)
        assert new.exit_code is Exit.USAGE
        assert f"--{next(iter(options)).replace('_', '-')}" in str(new) or "empty" in str(new)
        assert queues(db) == []
        await operator.ensure(QueueSpec("mail"))
        assert words in str(await refused(operator, "mail", {**options, "warning_queued": 5}))
    assert db.value("SELECT warning_queued FROM queue WHERE name = 'mail'") == 0


@pytest.mark.parametrize("name", ["", "no spaces", "no|pipes", "ünï", "a\nb", "a\0b", "\ud800", "-;DROP"])
async def test_names_that_pg_boss_refuses_for_new_queues(database: DatabaseFactory, name: str) -> None:
    db = database(NEWEST)
    async with operating(db) as operator:
        assert (await refused(operator, name, {})).exit_code is Exit.USAGE
    assert queues(db) == []


async def test_queues_with_older_names_can_be_changed(database: DatabaseFactory) -> None:
    db = database("11.1.2")
    db.execute("""SELECT create_queue('no spaces', '{"policy": "standard"}'::jsonb)""")
    async with operating(db) as operator:
        assert (await operator.ensure(QueueSpec("no spaces", {"retry_limit": 9}))).applied
        assert (await operator.ensure(QueueSpec("mail", {"dead_letter": "no spaces"}))).applied
    assert db.value("SELECT retry_limit FROM queue WHERE name = 'no spaces'") == 9


@pytest.mark.parametrize(
    ("release", "options", "since"),
    [
        ("10.4.2", {"policy": "exclusive"}, "11.1.0"),
        ("11.0.8", {"policy": "exclusive"}, "11.1.0"),
        ("12.8.0", {"policy": "key_strict_fifo"}, "12.10.0"),
        ("10.4.2", {"delete_after": 60}, "11.0.0"),
        ("10.4.2", {"retry_delay_max": 60}, "11.0.0"),
        ("10.4.2", {"warning_queued": 60}, "11.0.0"),
        ("10.4.2", {"partition": True}, "11.0.0"),
        ("12.11.1", {"heartbeat": 60}, "12.12.0"),
        ("12.19.1", {"notify": True}, "12.21.0"),
    ],
)
async def test_what_this_schema_does_not_have(
    database: DatabaseFactory, release: str, options: Options, since: str
) -> None:
    db = database(release)
    async with operating(db) as operator:
        error = await refused(operator, "mail", options)
    assert isinstance(error, Unsupported)
    assert since in str(error)
    assert queues(db) == []


@pytest.mark.parametrize(("release", "policy"), [("11.1.2", "exclusive"), ("12.11.1", "key_strict_fifo")])
async def test_policies_as_soon_as_the_schema_has_them(database: DatabaseFactory, release: str, policy: str) -> None:
    async with operating(database(release)) as operator:
        assert (await operator.ensure(QueueSpec("mail", {"policy": policy}))).applied


@pytest.mark.parametrize("release", ["8.4.2", "9.0.3"])
async def test_queues_are_implicit_in_8_and_9(database: DatabaseFactory, release: str) -> None:
    async with operating(database(release)) as operator:
        assert "implicit" in str(await refused(operator, "mail", {}))
        for asking in (operator.queue_specs(), operator.queue_form("mail"), operator.plan_delete("mail")):
            with pytest.raises(Unsupported, match="implicit"):
                await asking


@pytest.mark.parametrize(
    ("seconds", "near"), [(90, "1m and 2m"), (30, "is 1m"), (3601, "1h and 1h1m"), (7199, "1h59m and 2h")]
)
async def test_minutes_are_never_rounded(database: DatabaseFactory, seconds: int, near: str) -> None:
    db = database("10.4.2")
    async with operating(db) as operator:
        error = await refused(operator, "mail", {"retention": seconds})
        assert "whole minutes" in str(error)
        assert near in (error.hint or "")
        assert queues(db) == []
        assert (await operator.ensure(QueueSpec("mail", {"retention": 120}))).applied


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_a_policy_cannot_change(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    async with operating(db) as operator:
        await operator.ensure(QueueSpec("mail", {"policy": "short", "retry_limit": 1}))
        result = await operator.ensure(QueueSpec("mail", {"policy": "stately", "retry_limit": 2}))
    assert (result.action, result.applied) == (EnsureAction.REFUSED, False)
    assert result.changes == {"policy": ("short", "stately"), "retry_limit": (1, 2)}
    assert result.statements == ()
    assert "short" in str(result.reason)
    assert "stately" in str(result.reason)
    assert "drain" in str(result.hint)
    assert db.execute("SELECT policy, retry_limit FROM queue WHERE name = 'mail'") == [("short", 1)]


async def test_a_missing_policy_is_the_standard_one(database: DatabaseFactory) -> None:
    db = database("10.4.2")
    db.execute("SELECT create_queue('raw', '{}'::json)")
    async with operating(db) as operator:
        assert (await operator.ensure(QueueSpec("raw", {"policy": "standard"}))).action is EnsureAction.UNCHANGED
        assert (await operator.ensure(QueueSpec("raw", {"policy": "short"}))).action is EnsureAction.REFUSED


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_dead_letters_must_be_there(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    async with operating(db) as operator:
        result = await operator.ensure(QueueSpec("mail", {"dead_letter": "dead"}))
        assert (result.action, result.applied) == (EnsureAction.REFUSED, False)
        assert "does not exist" in str(result.reason)
        assert result.hint == "ensure it first: bossctl queue ensure dead"
        assert queues(db) == []
        await operator.ensure(QueueSpec("dead"))
        assert (await operator.ensure(QueueSpec("mail", {"dead_letter": "dead"}))).applied
        assert (await operator.ensure(QueueSpec("mail", {"dead_letter": None}))).changes == {
            "dead_letter": ("dead", None)
        }


@pytest.mark.parametrize("release", ["10.4.2", NEWEST])
async def test_loops_through_existing_queues(database: DatabaseFactory, release: str) -> None:
    db = database(release)
    async with operating(db) as operator:
        for name, target in (("c", None), ("b", "c"), ("a", "b")):
            await operator.ensure(QueueSpec(name, {} if target is None else {"dead_letter": target}))
        result = await operator.ensure(QueueSpec("c", {"dead_letter": "a"}))
        assert result.action is EnsureAction.REFUSED
        assert "c → a → b → c" in str(result.reason)
        assert db.value("SELECT dead_letter FROM queue WHERE name = 'c'") is None
        db.execute("UPDATE queue SET dead_letter = 'a' WHERE name = 'c'")
        same = await operator.ensure(QueueSpec("c", {"dead_letter": "a", "retry_limit": 8}))
        assert same.applied, "a loop that is there already is not of our making"
        assert (await operator.ensure(QueueSpec("d", {"dead_letter": "a"}))).applied, "it only leads into one"


async def test_loops_within_what_is_asked_for(database: DatabaseFactory) -> None:
    db = database(NEWEST)
    specs = [QueueSpec(name, {"dead_letter": target}) for name, target in (("a", "b"), ("b", "c"), ("c", "a"))]
    async with operating(db) as operator:
        with pytest.raises(UsageError, match="loop: c → a → b → c"):
            await operator.plan_all(specs)
        cut = [*specs[:2], QueueSpec("c", {"dead_letter": None})]
        plans = await operator.plan_all(cut)
    assert [plan.queue for plan in plans] == ["c", "b", "a"]


async def test_a_chain_can_be_turned_round(database: DatabaseFactory) -> None:
    async with operating(database(NEWEST)) as operator:
        for spec in (QueueSpec("old"), QueueSpec("new", {"dead_letter": "old"})):
            await operator.ensure(spec)
        turned = [QueueSpec("old", {"dead_letter": "new"}), QueueSpec("new", {"dead_letter": None})]
        plans = await operator.plan_all(turned)
        assert [(plan.queue, plan.action.value) for plan in plans] == [("new", "updated"), ("old", "updated")]
        for plan in plans:
            assert (await operator.ensure(next(spec for spec in turned if spec.name == plan.queue))).applied


@pytest.mark.parametrize(
    ("release", "options", "words"),
    [
        (NEWEST, {"policy": "key_strict_fifo"}, "every send to this queue needs a singleton key"),
        ("12.5.4", {"delete_after": 0}, "this schema is older than 12.7"),
        ("12.8.0", {"delete_after": 0}, "this schema serves both"),
        (NEWEST, {"delete_after": 0}, "this schema is newer than 12.7"),
    ],
)
async def test_notices(database: DatabaseFactory, release: str, options: Options, words: str) -> None:
    async with operating(database(release)) as operator:
        planned = await operator.plan_ensure(QueueSpec("mail", options))
        [notice] = planned.notices
        assert words in notice
        await operator.ensure(QueueSpec("mail", options))
        assert (await operator.plan_ensure(QueueSpec("mail", options))).notices == ()


async def test_other_notices(database: DatabaseFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    db = database(NEWEST)
    async with operating(db) as operator:
        assert (await operator.plan_ensure(QueueSpec("own", {"partition": True}))).notices == ()
        monkeypatch.setattr(planning, "BIG_BYTES", 1)
        [notice] = (await operator.plan_ensure(QueueSpec("own", {"partition": True}))).notices
        assert "scans job_common" in notice
        await operator.ensure(QueueSpec("mail", {"retry_backoff": True, "retry_delay_max": 60}))
        [notice] = (await operator.plan_ensure(QueueSpec("mail", {"retry_backoff": False}))).notices
        assert "retry_delay_max stays 1m" in notice
    db.execute("DROP INDEX job_common_i2")
    async with operating(db) as operator:
        [notice] = (await operator.plan_ensure(QueueSpec("one", {"policy": "singleton"}))).notices
        assert "index that enforces the policy singleton is missing" in notice


@pytest.mark.parametrize(("release", "options"), [("10.4.2", {}), (NEWEST, {"partition": True})])
async def test_a_table_left_from_an_earlier_queue(database: DatabaseFactory, release: str, options: Options) -> None:
    db = database(release)
    async with operating(db) as operator:
        await operator.ensure(QueueSpec("mail", options))
        db.execute("DELETE FROM queue WHERE name = 'mail'")
        result = await operator.ensure(QueueSpec("mail", options))
        assert result.action is EnsureAction.REFUSED
        assert "earlier queue of this name" in str(result.reason)
        assert (await operator.ensure(QueueSpec("mail2", options))).applied


async def test_plans_carry_what_a_form_shows(database: DatabaseFactory) -> None:
    async with operating(database("10.4.2")) as operator:
        await operator.ensure(QueueSpec("dead"))
        await operator.ensure(QueueSpec("mail", {"retry_limit": 1, "dead_letter": "dead"}))
        planned = await operator.plan_ensure(QueueSpec("mail", {"retry_limit": 2}))
        form = await operator.queue_form("mail")
        new = await operator.queue_form("new")
    assert (planned.action, planned.applied) == (EnsureAction.UPDATED, False)
    assert planned.current is not None
    assert planned.current["retry_limit"] == 1
    assert planned.changes == {"retry_limit": (1, 2)}
    fields = {field.name: field for field in form.fields}
    assert form.exists
    assert list(fields) == list(planned.current)
    assert fields["policy"].choices == ("standard", "short", "singleton", "stately")
    assert (fields["policy"].fixed, fields["policy"].clearable) == (True, False)
    assert fields["dead_letter"].choices == ("dead",)
    assert (fields["retry_delay"].shown, fields["retry_delay"].clearable) == ("client default", True)
    assert fields["retention"].unit_seconds == 60
    assert not new.exists
    assert {field.current for field in new.fields} == {None}


async def test_sql_is_shown_as_it_runs(database: DatabaseFactory) -> None:
    """The statements of a plan, pasted into another session, do what the plan said."""
    db = database(NEWEST, schema="Odd Name")
    async with operating(db) as operator:
        paste(db, await operator.plan_ensure(QueueSpec("mail", {"retry_limit": 1})))
        changed = QueueSpec("mail", {"retry_limit": 2, "notify": True})
        paste(db, await operator.plan_ensure(changed))
        assert (await operator.plan_ensure(changed)).changes == {}
        paste(db, await operator.plan_delete("mail"))
    assert queues(db) == []


def paste(db: Database, planned: EnsureResult | QueueDeletion) -> None:
    assert planned.statements
    with psycopg.connect(db.dsn) as connection:
        for statement in planned.statements:
            connection.execute(statement.encode())


@asynccontextmanager
async def as_role(db: Database, *grants: str) -> AsyncIterator[Operator]:
    """An operator whose role has only what is granted; `{}` stands for the role."""
    role = sql.Identifier(f"role_{db.name}")
    db.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'x'").format(role).as_string(db.connection))
    try:
        db.execute(sql.SQL("GRANT USAGE ON SCHEMA pgboss TO {}").format(role).as_string(db.connection))
        for grant in grants:
            db.execute(grant.format(role.as_string(db.connection)))
        dsn = make_conninfo(db.dsn, user=f"role_{db.name}", password="x")
        async with await Store.open(spec_of(db, dsn=dsn)) as store:
            yield Operator(store)
    finally:
        db.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(role).as_string(db.connection))


READ = "GRANT SELECT ON ALL TABLES IN SCHEMA pgboss TO {}"
WRITE = "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA pgboss TO {}"


async def test_ownership_in_release_10(database: DatabaseFactory) -> None:
    db = database("10.4.2")
    async with operating(db) as owner:
        await owner.ensure(QueueSpec("mail"))
    async with as_role(db, WRITE, "GRANT CREATE ON SCHEMA pgboss TO {}") as operator:
        with pytest.raises(MissingPrivilege, match="only the owner of the table job can attach"):
            await operator.ensure(QueueSpec("new"))
        assert (await operator.plan_ensure(QueueSpec("new"))).action is EnsureAction.CREATED, "looking is allowed"
        with pytest.raises(MissingPrivilege):
            await operator.plan_all([QueueSpec("mail"), QueueSpec("new")], apply=True)
        assert (await operator.ensure(QueueSpec("mail", {"retry_limit": 4}))).applied
        with pytest.raises(MissingPrivilege, match="only the owner of the table job can drop"):
            await operator.delete_queue("mail")
    assert queues(db) == ["mail"]


async def test_ownership_later(database: DatabaseFactory) -> None:
    db = database(NEWEST)
    async with as_role(db, WRITE) as operator:
        assert (await operator.ensure(QueueSpec("mail", {"retry_limit": 4}))).applied
        with pytest.raises(MissingPrivilege, match="partition gives the queue a table of its own"):
            await operator.ensure(QueueSpec("own", {"partition": True}))
        assert (await operator.delete_queue("mail")).applied
    assert queues(db) == []


async def test_a_role_that_may_only_read(database: DatabaseFactory) -> None:
    db = database(NEWEST)
    async with operating(db) as owner:
        await owner.ensure(QueueSpec("mail", {"retry_limit": 4}))
    async with as_role(db, READ) as operator:
        assert (await operator.ensure(QueueSpec("mail", {"retry_limit": 4}))).action is EnsureAction.UNCHANGED
        for spec in (QueueSpec("new"), QueueSpec("mail", {"retry_limit": 5})):
            result: EnsureResult = await operator.plan_ensure(spec)
            assert result.changes
            with pytest.raises(MissingPrivilege) as caught:
                await operator.ensure(spec)
            assert 'GRANT INSERT, UPDATE, DELETE ON TABLE "pgboss"."job", ' in str(caught.value.hint)
    assert db.execute("SELECT name, retry_limit FROM queue") == [("mail", 4)]
