"""Typer commands and groups that take the connection options at every level.

The option objects are built once and shared by all commands.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from bossctl import __version__
from bossctl.cli.coercion import lighten
from bossctl.cli.settings import Settings

CONNECTION = "Connection options"


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"bossctl {__version__}")
        raise typer.Exit


def _connection_options(
    dsn: Annotated[
        str | None, typer.Option("--dsn", "-d", metavar="DSN", help="PostgreSQL URL or libpq string.")
    ] = None,
    schema: Annotated[str | None, typer.Option("--schema", "-s", metavar="NAME", help="Schema of pg-boss.")] = None,
    context: Annotated[
        str | None, typer.Option("--context", "-c", metavar="NAME", help="A context of the context file.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="Let the database refuse every write.")] = False,
    statement_timeout: Annotated[
        str | None, typer.Option("--statement-timeout", metavar="D", help="Give up on a statement after D (30s).")
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; NO_COLOR does the same.")] = False,
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Declare the options; never called."""


@cache
def shared_options() -> tuple[Any, ...]:
    """The option objects common to every command and group."""
    declaring = typer.Typer(add_completion=False, rich_markup_mode=None)
    declaring.command()(_connection_options)
    params = tuple(get_command(declaring).params)
    lighten(params)
    return params


def settings_of(ctx: typer.Context) -> Settings:
    """The settings of this invocation."""
    settings = ctx.find_object(Settings)
    if settings is None:
        raise LookupError("bossctl's commands run through bossctl.cli.main.main")
    return settings


def _write_options(command: TyperCommand | TyperGroup, ctx: Any, formatter: Any) -> None:
    shared = shared_options()
    own = [param for param in command.get_params(ctx) if param not in shared]
    _section(formatter, "Arguments", [param for param in own if param.param_type_name == "argument"], ctx)
    _section(formatter, "Options", [param for param in own if param.param_type_name == "option"], ctx)
    if isinstance(command, TyperGroup):
        command.format_commands(ctx, formatter)
    _section(formatter, CONNECTION, shared, ctx)


def _lightened(option: Any) -> Any:
    lighten([option] if option is not None else [])
    return option


def _section(formatter: Any, title: str, params: Sequence[Any], ctx: Any) -> None:
    records = [record for param in params if (record := param.get_help_record(ctx))]
    if records:
        with formatter.section(title):
            formatter.write_dl(records)


class Command(TyperCommand):
    """A command that also takes the connection options."""

    def __init__(self, name: str | None, *, params: list[Any] | None = None, **kwargs: Any) -> None:
        lighten(params or ())
        super().__init__(name, params=[*(params or ()), *shared_options()], **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Hand the connection options to the settings, then run."""
        settings_of(ctx).absorb(ctx.params)
        return super().invoke(ctx)

    def get_help_option(self, ctx: Any) -> Any:
        """The help option, read plainly too."""
        return _lightened(super().get_help_option(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments, own options and, apart from them, the connection options."""
        _write_options(self, ctx, formatter)


class Group(TyperGroup):
    """A group that also takes the connection options; alone it prints its help."""

    def __init__(self, *, params: list[Any] | None = None, **kwargs: Any) -> None:
        kwargs["invoke_without_command"] = True
        super().__init__(params=[*(params or ()), *shared_options()], **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Hand the connection options to the settings, then run the command named."""
        settings_of(ctx).absorb(ctx.params)
        return super().invoke(ctx)

    def get_help_option(self, ctx: Any) -> Any:
        """The help option, read plainly too."""
        return _lightened(super().get_help_option(ctx))

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands and the connection options."""
        _write_options(self, ctx, formatter)


def group(help_text: str, epilog: str | None = None) -> typer.Typer:
    """A typer application or sub-application; without a command it prints its help."""
    app = typer.Typer(
        cls=Group,
        help=help_text,
        epilog=epilog,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_help_alone)
    return app


def add(app: typer.Typer, name: str, function: Callable[..., int | None]) -> None:
    """Register a command.

    Its annotations are evaluated here, once; typer would do it four times.
    """
    function.__annotations__ = inspect.get_annotations(function, eval_str=True)
    app.command(name, cls=Command)(function)


def _help_alone(ctx: typer.Context) -> None:
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())
