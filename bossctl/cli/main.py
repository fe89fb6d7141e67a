"""The entry point: run one command line, map every way it can end to an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from typer import Abort, TyperException

from bossctl.cli import talk
from bossctl.cli.output import silence_stdout
from bossctl.cli.settings import Settings
from bossctl.config import debugging, environment
from bossctl.dsn import passwords
from bossctl.errors import BossctlError, Exit, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run `argv` (default: the process's arguments) and return the exit code. Never raises, never exits."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    settings = Settings(environment(), Path())
    if sys.stdout is None:  # closed by the caller
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    try:
        code = _run(arguments, settings)
        sys.stdout.flush()
    except (KeyboardInterrupt, Abort):
        return Exit.INTERRUPTED
    except BossctlError as error:
        caret = getattr(error, "caret", None)  # a selector's error knows its place
        talk.error(str(error), error.hint, place=caret() if caret else None)
        return error.exit_code
    except TyperException as error:
        return _usage(error)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.ENOSPC):
            return _internal(error, settings)
        silence_stdout()
        return Exit.OK if error.errno == errno.EPIPE else _full(error)
    except BaseException as error:
        return _internal(error, settings)
    return code


def _run(arguments: list[str], settings: Settings) -> int:
    if any("\udc80" <= char <= "\udcff" for argument in arguments for char in argument):
        raise UsageError("an argument is not valid UTF-8")
    from typer.main import get_command

    from bossctl.cli.app import command_line

    try:
        commands = command_line(arguments[0] if arguments else None)
        code = get_command(commands).main(arguments, prog_name="bossctl", standalone_mode=False, obj=settings)
    except SystemExit as leaving:  # typer ends a closed pipe this way whatever the mode
        if isinstance(leaving.__context__, BrokenPipeError):
            silence_stdout()
            return Exit.OK
        return leaving.code if isinstance(leaving.code, int) else Exit.INTERNAL
    return int(code or 0)


def _usage(error: TyperException) -> int:
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "bossctl"
    message = error.format_message().strip().replace("\n\t", " ").rstrip(".")
    talk.error(message, f"{path} --help")
    return Exit.USAGE


def _full(error: OSError) -> int:
    talk.error(f"cannot write the output: {error.strerror}")
    return Exit.USAGE


def _internal(error: BaseException, settings: Settings) -> int:
    talk.error(
        f"internal error ({type(error).__name__}): this is a bug in bossctl",
        "run it with BOSSCTL_DEBUG=1, then report command, text and `bossctl --version` as an issue of bossctl",
    )
    if debugging(settings.environ):
        from traceback import TracebackException

        text = "".join(TracebackException.from_exception(error, capture_locals=False).format())
        talk.say(_without_secrets(text, settings))
    return Exit.INTERNAL


def _without_secrets(text: str, settings: Settings) -> str:
    """`text` without the passwords this invocation knows."""
    try:
        secrets = [*passwords(settings.spec().dsn), settings.environ.get("PGPASSWORD", "")]
    except BossctlError:
        return "the connection cannot be resolved, so the traceback is withheld: it may hold a password"
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return text
