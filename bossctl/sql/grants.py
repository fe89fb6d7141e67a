"""The rights a role needs, as SQL that a person runs: never more than what bossctl does with this schema."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from psycopg import sql

from bossctl.format import clean
from bossctl.sql.catalog import OWN_SCHEMA, Catalog
from bossctl.sql.text import trusted


class Rights(StrEnum):
    """What a role is for: looking, acting on jobs and queues, or that and what only pg-boss's own role may."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    OWNER = "owner"


@dataclass(frozen=True)
class GrantFacts:
    """The row of the statement `grant_facts`."""

    database: str
    job_owner: str
    owners: Sequence[str]
    superusers: Sequence[str]
    own_present: bool
    own_owners: Sequence[str]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> GrantFacts:
        """From what the database said."""
        return cls(**row)


READ = "SELECT"
WRITE = "INSERT, UPDATE, DELETE"
KEEP = f"{READ}, {WRITE}"


@dataclass(frozen=True)
class Grants:
    """The statements for one role on one schema."""

    catalog: Catalog
    facts: GrantFacts
    rights: Rights
    role: str

    def script(self) -> str:
        """One transaction with comments, for psql."""
        lines = [*map(_comment, self._about()), "BEGIN;", *(f"{one};" for one in self.statements()), "COMMIT;"]
        return "".join(f"{line}\n" for line in lines)

    def statements(self) -> list[str]:
        """What is run, in order."""
        parts = [self._role(), *self._reading()]
        if self.rights is not Rights.VIEWER:
            parts += [*self._owning()] if self.rights is Rights.OWNER else [*self._writing()]
        return [part.as_string(None) for part in (*parts, *self._own())]

    def cautions(self) -> list[str]:
        """What a person should know before running it."""
        found = []
        if self.rights is Rights.OPERATOR and self.catalog.layout == "queues":
            found.append("in pg-boss 10 only the owner of the table job can create and delete queues: --grants owner")
        elif self.rights is Rights.OPERATOR and self.catalog.layout == "common":
            found.append("queues with a table of their own can be made and deleted by the owner only: --grants owner")
        if self.rights is Rights.OWNER and self.facts.job_owner in self.facts.superusers:
            found.append(f"{clean(self.facts.job_owner)} owns the tables and is a superuser: so will this role be")
        if self.rights is Rights.VIEWER and not self.facts.own_present and self._may_have_own:
            found.append(f"run it again once there is a schema {OWN_SCHEMA}: the log and archived jobs are kept there")
        return found

    @property
    def _may_have_own(self) -> bool:
        return self.catalog.schema != OWN_SCHEMA

    @property
    def _to(self) -> sql.Composable:
        return sql.Identifier(self.role)

    @property
    def _schema(self) -> sql.Composable:
        return sql.Identifier(self.catalog.schema)

    def _about(self) -> Iterable[str]:
        yield f"bossctl: {self.rights} of the pg-boss schema {clean(self.catalog.schema)}"
        yield "Run it as a superuser, or as the owner of the schema with CREATEROLE. A new role has no password yet."
        yield from self.cautions()

    def _role(self) -> sql.Composable:
        """CREATE ROLE unless it is there. The body is a quoted text: no name can end it."""
        name = sql.Literal(self.role).as_string(None)
        body = f"BEGIN IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = {name}) THEN CREATE ROLE "
        return sql.SQL("DO {}").format(sql.Literal(f"{body}{self._to.as_string(None)} LOGIN; END IF; END"))

    def _reading(self) -> Iterable[sql.Composable]:
        yield self._on(trusted("CONNECT ON DATABASE {}"), sql.Identifier(self.facts.database))
        yield self._on(trusted("USAGE ON SCHEMA {}"), self._schema)
        yield self._on(trusted(READ + " ON ALL TABLES IN SCHEMA {}"), self._schema)
        for owner in self.facts.owners:
            if owner != self.role:
                yield self._future(owner, self._schema, READ)

    def _writing(self) -> Iterable[sql.Composable]:
        for table, rights in written(self.catalog).items():
            yield self._on(trusted(rights + " ON TABLE {}"), sql.Identifier(self.catalog.schema, table))
        for name in called(self.catalog):
            yield self._on(trusted("EXECUTE ON FUNCTION {}"), sql.Identifier(self.catalog.schema, name))

    def _owning(self) -> Iterable[sql.Composable]:
        for owner in self.facts.owners:
            if owner != self.role:
                yield sql.SQL("GRANT {} TO {}").format(sql.Identifier(owner), self._to)

    def _own(self) -> Iterable[sql.Composable]:
        """The schema of bossctl's own: read by viewers, written by operators, made for the first of them."""
        if not self._may_have_own:
            return
        own = sql.Identifier(OWN_SCHEMA)
        viewing = self.rights is Rights.VIEWER
        if not self.facts.own_present:
            if not viewing:
                yield sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(own, self._to)
            return
        tables = READ if viewing else KEEP
        yield self._on(trusted("USAGE ON SCHEMA {}" if viewing else "USAGE, CREATE ON SCHEMA {}"), own)
        yield self._on(trusted(tables + " ON ALL TABLES IN SCHEMA {}"), own)
        for owner in self.facts.own_owners:
            if owner != self.role:
                yield self._future(owner, own, tables)

    def _on(self, what: sql.SQL, name: sql.Composable) -> sql.Composable:
        return sql.SQL("GRANT {} TO {}").format(what.format(name), self._to)

    def _future(self, owner: str, schema: sql.Composable, rights: str) -> sql.Composable:
        text = "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT " + rights + " ON TABLES TO {}"
        return trusted(text).format(sql.Identifier(owner), schema, self._to)


def written(catalog: Catalog) -> dict[str, str]:
    """Table → what acting on jobs and queues does to it beside reading."""
    found = {
        "job": WRITE,
        "job_common": "DELETE",  # the schema's own delete_queue names it
        "queue": "UPDATE" if catalog.layout == "queues" else WRITE,
        "job_dependency": "INSERT",
        "archive": WRITE,
    }
    return {table: rights for table, rights in found.items() if table in catalog.tables}


FUNCTIONS = ("create_queue", "delete_queue", "job_now")


def called(catalog: Catalog) -> list[str]:
    """Functions of the schema's own that an operator calls; where they attach tables only the owner can."""
    return [] if catalog.layout == "queues" else [name for name in FUNCTIONS if catalog.has(f"fn:{name}")]


@dataclass(frozen=True)
class Need:
    """A right on something: `what` is SCHEMA, TABLE, FUNCTION or ALL TABLES (of the schema, without an `object`)."""

    right: str
    what: str
    schema: str
    object: str = ""


def reading(catalog: Catalog) -> list[Need]:
    """What looking needs."""
    return [Need("USAGE", "SCHEMA", catalog.schema), Need(READ, "ALL TABLES", catalog.schema)]


def acting(catalog: Catalog) -> list[Need]:
    """What acting on jobs and queues needs."""
    schema, found = catalog.schema, reading(catalog)
    for table, rights in written(catalog).items():
        found += [Need(right, "TABLE", schema, table) for right in rights.split(", ")]
    return found + [Need("EXECUTE", "FUNCTION", schema, name) for name in called(catalog)]


def keeping(catalog: Catalog) -> list[Need]:
    """What writing the log and the archive needs where they are in bossctl's own schema."""
    if not catalog.own:
        return []
    rights = (Need(right, "ALL TABLES", OWN_SCHEMA) for right in KEEP.split(", "))
    return [Need("USAGE", "SCHEMA", OWN_SCHEMA), *rights]


def quoted(*name: str) -> str:
    """A name as it stands in SQL, to be shown to a person."""
    return clean(sql.Identifier(*name).as_string(None))


def granting(needs: Iterable[Need], role: str) -> str:
    """The GRANTs of these rights, as few as say it."""
    on: dict[tuple[str, str, str], list[str]] = {}
    for need in needs:
        on.setdefault((need.what, need.schema, need.object), []).append(need.right)
    together: dict[tuple[str, str], list[str]] = {}
    for (what, schema, name), rights in on.items():
        words = "ALL TABLES IN SCHEMA" if what == "ALL TABLES" else what
        together.setdefault((", ".join(rights), words), []).append(quoted(*filter(None, (schema, name))))
    return "; ".join(
        f"GRANT {rights} ON {words} {', '.join(names)} TO {quoted(role)}" for (rights, words), names in together.items()
    )


def joining(catalog: Catalog) -> str:
    """What makes our role a member of the one that owns pg-boss's tables."""
    return f"GRANT {quoted(catalog.owner)} TO {quoted(catalog.role)}"


def hidden(catalog: Catalog) -> tuple[str, str] | None:
    """That bossctl's own schema is there but may not be read, with the grants; None where nothing is hidden."""
    if not catalog.own_hidden:
        return None
    role = quoted(catalog.role)
    return (
        f"role {clean(catalog.role)} may not read the schema {OWN_SCHEMA}, where the log and archived jobs are kept",
        ("" if catalog.own_entered else f"GRANT USAGE ON SCHEMA {OWN_SCHEMA} TO {role}; ")
        + f"GRANT {READ} ON ALL TABLES IN SCHEMA {OWN_SCHEMA} TO {role}",
    )


def _comment(text: str) -> str:
    return f"-- {text}"
