"""The errors bossctl raises on purpose, each with the exit code and the hint a person needs.

Every error is one sentence (`str(error)`) plus an optional `hint`: the next thing to type.
"""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of the command line; the README's table says when each is used."""

    OK = 0
    FINDINGS = 1
    USAGE = 2
    UNREACHABLE = 3
    UNSUPPORTED = 4
    NOTHING = 5
    PARTLY = 6
    INTERNAL = 70
    INTERRUPTED = 130


class BossctlError(Exception):
    """Base of all expected errors.

    `message` is one sentence without a trailing newline; `hint` is what to type next, or None.
    """

    exit_code: Exit = Exit.INTERNAL

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


class UsageError(BossctlError):
    """The request or the configuration is wrong, whatever the database holds."""

    exit_code = Exit.USAGE


class Unreachable(BossctlError):
    """No connection, a lost one, or a statement or lock timeout."""

    exit_code = Exit.UNREACHABLE


class StatementTimeout(Unreachable):
    """The statement or lock timeout ended one statement; the connection is still good."""


class LockTimeout(StatementTimeout):
    """Another session held a lock for too long: waiting for it cost the server nothing."""


class NotPgBoss(BossctlError):
    """The database holds no pg-boss schema, or several and none was chosen."""

    exit_code = Exit.UNSUPPORTED


class Unsupported(BossctlError):
    """This pg-boss schema or this server (a standby) cannot do what was asked."""

    exit_code = Exit.UNSUPPORTED


class MissingPrivilege(Unsupported):
    """The role may not do this; the message names the missing grant."""


class NotFound(BossctlError):
    """Nothing matched, or the named thing does not exist."""

    exit_code = Exit.NOTHING


class Refused(BossctlError):
    """The change is not allowed as things are: wrong state, slot taken, immutable option."""

    exit_code = Exit.NOTHING


class Unpredictable(Exception):
    """The runs of a schedule cannot be told; carries the reason. Shown in their place, never the end of a command."""
