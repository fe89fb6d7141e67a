"""The job selection language: parse it, walk it, write it back, complete it. What it means in SQL is not said here.

    >>> from bossctl.selector import parse, to_text
    >>> to_text(parse("queue:email* (state:failed OR is:stuck) older:15m"))
    'queue:email* (state:failed OR is:stuck) older:15m'

Terms side by side are AND; `OR`, `NOT` (or `!` before a term) and parentheses; values with spaces in quotes, where
a backslash makes `"`, `\\`, `*` and `?` literal. Every mistake is a `SelectorError` that knows its place.
"""

from __future__ import annotations

from bossctl.selector.completion import Completion, complete
from bossctl.selector.keys import KEYS, Key
from bossctl.selector.parser import DEEPEST, parse
from bossctl.selector.paths import ROOTS, Path, path_of, path_text
from bossctl.selector.problem import SelectorError
from bossctl.selector.tree import (
    CONDITIONS,
    STATES,
    Age,
    And,
    Archived,
    DataPath,
    ErrorText,
    Expr,
    Ids,
    Is,
    Moment,
    Moments,
    Not,
    Numbers,
    Or,
    QueueGlob,
    RunTime,
    Scope,
    Selector,
    SingletonKey,
    States,
    Term,
    is_archived_scope,
    scope,
    terms,
    walk,
)
from bossctl.selector.writing import quote, to_text

__all__ = [
    "CONDITIONS",
    "DEEPEST",
    "KEYS",
    "ROOTS",
    "STATES",
    "Age",
    "And",
    "Archived",
    "Completion",
    "DataPath",
    "ErrorText",
    "Expr",
    "Ids",
    "Is",
    "Key",
    "Moment",
    "Moments",
    "Not",
    "Numbers",
    "Or",
    "Path",
    "QueueGlob",
    "RunTime",
    "Scope",
    "Selector",
    "SelectorError",
    "SingletonKey",
    "States",
    "Term",
    "complete",
    "is_archived_scope",
    "parse",
    "path_of",
    "path_text",
    "quote",
    "scope",
    "terms",
    "to_text",
    "walk",
]
