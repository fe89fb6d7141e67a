"""The SQL module: every statement bossctl ever sends, written once against canonical relations.

A `.sql` file holds statements, each with a header of comment lines:

    -- name: jobs_page            (several statements may share a name: variants, first match wins)
    -- needs: instance            (facts without which the caller gets Unsupported)
    -- when: index:i15, !archive  (facts that choose this variant)

`{job}`, `{all_jobs}`, `{queue}` … stand for relations (see relations.py), any other `{slot}` is filled by the caller
with composed SQL. `%(name)s` are bound values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from string import Formatter

from psycopg import sql

from bossctl.errors import Unsupported
from bossctl.models.releases import feature
from bossctl.sql.catalog import Catalog
from bossctl.sql.relations import relations
from bossctl.sql.text import trusted

_PARAMETER = re.compile(r"%\((\w+)\)s")


@dataclass(frozen=True)
class Statement:
    """One variant of a named statement as written in its file."""

    name: str
    text: str
    needs: tuple[str, ...]
    when: tuple[str, ...]
    file: str

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the values to bind."""
        return frozenset(_PARAMETER.findall(self.text))

    @property
    def placeholders(self) -> frozenset[str]:
        """Names of the relations and slots."""
        return frozenset(field for _, field, _, _ in Formatter().parse(self.text) if field)


@dataclass(frozen=True)
class Query:
    """A statement composed for one catalog, ready to run with its `parameters` bound."""

    name: str
    text: sql.Composed
    parameters: frozenset[str]


@cache
def statements() -> dict[str, tuple[Statement, ...]]:
    """All statements by name, variants in the order they are written."""
    found: dict[str, tuple[Statement, ...]] = {}
    for entry in sorted(resources.files(__name__).iterdir(), key=lambda item: item.name):
        if entry.name.endswith(".sql"):
            for statement in parse(entry.read_text(encoding="utf-8"), entry.name):
                found[statement.name] = (*found.get(statement.name, ()), statement)
    return found


def parse(text: str, file: str) -> list[Statement]:
    """Split one file into statements. Raises ValueError for an empty statement."""
    parsed = []
    for block in re.split(r"(?m)^-- name:", text)[1:]:
        name, _, rest = block.partition("\n")
        header = {
            key: tuple(fact.strip() for fact in value.split(","))
            for key, value in re.findall(r"(?m)^-- (needs|when): (.+)$", rest)
        }
        body = re.sub(r"(?m)^--.*\n?", "", rest).strip().removesuffix(";")
        if not body:
            raise ValueError(f"{file}: the statement {name.strip()} is empty")
        parsed.append(Statement(name.strip(), body, header.get("needs", ()), header.get("when", ()), file))
    return parsed


class Queries:
    """Statements composed for one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._relations = relations(catalog)
        self._composed: dict[str, Query] = {}

    def get(self, name: str, /, **slots: sql.Composable) -> Query:
        """The variant that fits this schema.

        Raises Unsupported, as a sentence that names the release, where a needed table or column is absent, and
        KeyError for a name no file has.
        """
        if not slots and name in self._composed:
            return self._composed[name]
        statement = self.choose(name)
        composed = trusted(statement.text).format(**self._relations, **slots)
        if slots:
            return Query(name, composed, statement.parameters)
        self._composed[name] = query = Query(name, _in_one_piece(composed), statement.parameters)
        return query

    def flat(self, name: str, /, **slots: sql.Composable) -> Query:
        """The same in one piece: for a statement that is run many times, which is else put together each time."""
        query = self.get(name, **slots)
        return Query(query.name, _in_one_piece(query.text), query.parameters)

    def kept(self, name: str, variant: str, slots: Callable[[], Mapping[str, sql.Composable]]) -> Query:
        """The same, made once: `slots` must be the same for the same variant."""
        key = f"{name} {variant}"
        if key not in self._composed:
            self._composed[key] = self.flat(name, **slots())
        return self._composed[key]

    def choose(self, name: str) -> Statement:
        """The variant `get` would compose; raises as `get` does."""
        variants = statements()[name]
        fitting = [item for item in variants if all(map(self.catalog.has, item.when))]
        missing: str | None = None
        for statement in fitting:
            missing = next((fact for fact in statement.needs if not self.catalog.has(fact)), None)
            if missing is None:
                return statement
        raise Unsupported(_missing_sentence(missing or variants[0].when[0]))

    def supports(self, name: str) -> bool:
        """Whether `get` would find a variant."""
        try:
            self.choose(name)
        except Unsupported:
            return False
        return True

    def relation(self, name: str) -> sql.Composable:
        """A canonical relation, for composing slots."""
        return self._relations[name]


def _in_one_piece(text: sql.Composable) -> sql.Composed:
    return sql.Composed([trusted(text.as_string(None))])


def bare(name: str, /, **slots: sql.Composable) -> Query:
    """A statement that names no relation: usable before a catalog is read."""
    if not slots:
        return _bare(name)
    statement = statements()[name][0]
    return Query(name, _in_one_piece(trusted(statement.text).format(**slots)), statement.parameters)


@cache
def _bare(name: str) -> Query:
    statement = statements()[name][0]
    return Query(name, _in_one_piece(trusted(statement.text).format()), statement.parameters)


def require(catalog: Catalog, fact: str) -> None:
    """Raises Unsupported, as a sentence that names the release, where the schema has no such thing."""
    if not catalog.has(fact):
        raise Unsupported(_missing_sentence(fact))


def _missing_sentence(fact: str) -> str:
    known = feature(fact)
    if known is None:
        return f"this pg-boss schema does not have what this needs ({fact})"
    if known.until:
        return f"this needs the {known.name}, which pg-boss had only from {known.since}"
    return f"this needs the {known.name}, which pg-boss has since {known.since}; this schema does not have it"
