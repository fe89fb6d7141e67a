"""Plain reading of option values.

Typer 0.29 reads every value through pydantic, whose import alone is a fifth of a command's time and 10 MB; words,
numbers and choices need no such help. A parameter of another type, and any other typer, keeps typer's own reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Any

import typer


class PlainReading:
    """Stands in for typer's reader of one parameter."""

    def __init__(self, read: Callable[[Any], Any]) -> None:
        self.read = read

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value in its type; typer calls this also for what was not given."""
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        try:
            return self.read(value)
        except ValueError as error:
            raise typer.BadParameter(str(error), ctx=ctx, param=param) from None

    def itself(self) -> PlainReading:
        """What typer asks a parameter for."""
        return self


def lighten(params: Iterable[Any]) -> None:
    """Give parameters of plain types a plain reading."""
    for param in params:
        described: Any = getattr(param, "type_descriptor", None)
        annotation = getattr(described, "annotation", None)
        read = _ranged(described.parameter_info) if annotation is float else _reader(annotation)
        if read is not None:
            param.get_runtime_param = PlainReading(read).itself


def _reader(annotation: Any) -> Callable[[Any], Any] | None:
    if annotation in (str, bool):
        return annotation
    if annotation == list[str]:
        return list
    if annotation is int:
        return _whole_number
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return lambda value: _choice(annotation, value)
    return None


def _ranged(declared: Any) -> Callable[[Any], float]:
    """Reads a number between the bounds that the parameter was declared with."""
    least = float("-inf") if declared.min is None else declared.min
    most = float("inf") if declared.max is None else declared.max

    def read(value: Any) -> float:
        number = _number(value)
        if not least <= number <= most:  # a NaN is not between them
            raise ValueError(f"{value} is not between {least:g} and {most:g}")
        return number

    return read


def _number(value: Any) -> float:
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a number") from None


def _whole_number(value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{value!r} is not a whole number") from None


def _choice(kind: type[StrEnum], value: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError:
        raise ValueError(f"{value!r} is not one of {', '.join(kind)}") from None
