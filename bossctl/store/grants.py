"""The rights a role needs on this schema, written for a person to run."""

from __future__ import annotations

from collections.abc import Sequence

from bossctl.errors import MissingPrivilege, UsageError
from bossctl.format import clean
from bossctl.sql.catalog import Catalog
from bossctl.sql.grants import GrantFacts, Grants, Need, Rights, granting, hidden
from bossctl.store.session import Transaction

LONGEST_NAME_BYTES = 63
NO_ROLES = ("public", "none")


async def read_grants(transaction: Transaction, rights: str, role: str) -> Grants:
    """The grants for `role`. Raises UsageError for a name that no role can have."""
    _can_be_a_role(role)
    row = await transaction.row("grant_facts", {"schema": transaction.queries.catalog.schema})
    if row is None:
        raise LookupError("the schema was there a moment ago")
    return Grants(transaction.queries.catalog, GrantFacts.from_row(row), Rights(rights), role)


async def read_lacking(transaction: Transaction, needs: Sequence[Need]) -> str:
    """The GRANTs of those rights that our role does not have; "" where it has them all."""
    values = {
        "whats": [need.what for need in needs],
        "schemas": [need.schema for need in needs],
        "objects": [need.object for need in needs],
        "rights": [need.right for need in needs],
    }
    found = await transaction.rows("rights_lacking", values)
    return granting((needs[row["place"] - 1] for row in found), transaction.queries.catalog.role)


def own_note(catalog: Catalog) -> str | None:
    """What to say beside an answer that leaves out what bossctl's own schema hides from this role."""
    found = hidden(catalog)
    return None if found is None else f"{found[0]} ({found[1]})"


def need_own(catalog: Catalog) -> None:
    """Raise MissingPrivilege where bossctl's own schema is there and this role may not read it."""
    found = hidden(catalog)
    if found is not None:
        raise MissingPrivilege(*found)


def _can_be_a_role(name: str) -> None:
    """PostgreSQL would cut a long name, and takes the word public, quoted or not, for everybody."""
    shown = clean(name)
    if not name or any(char == "\0" or "\ud800" <= char <= "\udfff" for char in name):
        raise UsageError(f'--role: no role can have the name "{shown}"')
    if name.lower().startswith("pg_") or name in NO_ROLES:
        raise UsageError(f'--role: PostgreSQL keeps the name "{shown}" for itself')
    if len(name.encode()) > LONGEST_NAME_BYTES:
        raise UsageError(f'--role: "{shown}" is longer than the {LONGEST_NAME_BYTES} bytes a name can have')
