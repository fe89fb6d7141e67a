"""Selections as the jobs screen changes them: text in, single terms put in and taken out, text back."""

from __future__ import annotations

from bossctl.selector import And, Expr, Is, QueueGlob, Selector, SelectorError, States, parse, to_text


def read(text: str) -> Selector | None:
    """The selection a text means; None, which is all jobs, for an empty one. Raises SelectorError."""
    return parse(text) if text.strip() else None


def problem(text: str) -> SelectorError | None:
    """What is wrong with a text; nothing with an empty one."""
    try:
        read(text)
    except SelectorError as error:
        return error
    return None


def parts(selection: Selector | None) -> tuple[Expr, ...]:
    """What must all hold."""
    if selection is None:
        return ()
    return selection.items if isinstance(selection, And) else (selection,)


def whole(items: tuple[Expr, ...]) -> Selector | None:
    """The selection in which all of these hold."""
    return And(items) if len(items) > 1 else (items[0] if items else None)


def text_of(selection: Selector | None) -> str:
    """The canonical text; empty for all jobs."""
    return "" if selection is None else to_text(selection)


def with_state(selection: Selector | None, state: str | None) -> Selector | None:
    """Only jobs in this state, instead of any state asked for before; None for every state."""
    others = tuple(item for item in parts(selection) if not isinstance(item, States))
    return whole(others if state is None else (*others, States((state,))))


def state_of(selection: Selector | None) -> str | None:
    """The single state that is asked for."""
    found = [item.states for item in parts(selection) if isinstance(item, States)]
    return found[0][0] if len(found) == 1 and len(found[0]) == 1 else None


def toggled(selection: Selector | None, condition: str) -> Selector | None:
    """With `is:condition` if it was without, and the other way round."""
    items = parts(selection)
    wanted = Is(condition)
    return whole(tuple(item for item in items if item != wanted) if wanted in items else (*items, wanted))


def in_queue(name: str) -> Selector:
    """All jobs of one queue."""
    return QueueGlob.exactly(name)
