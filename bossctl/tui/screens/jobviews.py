"""How jobs are looked at: their order, the columns, saved selections. For the screen that lists jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bossctl.format import clean
from bossctl.models.joborders import ORDER_WORDS
from bossctl.models.queues import STATES
from bossctl.tui.commands import Command
from bossctl.tui.jobcolumns import FURTHER, USUAL, USUAL_KEYS, read_keys
from bossctl.tui.memory import LONGEST_NAME
from bossctl.tui.screens.jobactions import JobActions
from bossctl.tui.selection import read, text_of

if TYPE_CHECKING:
    from bossctl.tui.joblist import JobList
    from bossctl.tui.screens.pick import Option

VIEW_COMMANDS = (
    Command("jobs.sort", "s", "Sort", "by an index where the schema has one", "Jobs", ("by?",), action="sort"),
    Command(
        "jobs.columns", "c", "Columns", "choose them: state,id,data.user.id", "Jobs", ("names...",), action="columns"
    ),
    Command("jobs.selection", "m", "My selections", "pick a saved selection", "Jobs", ("name...",), action="selection"),
    Command("jobs.save", "w", "Save", "this selection under a name", "Jobs", ("name...",), action="save"),
    Command("jobs.forget", "", "Forget", "a saved selection", "Jobs", ("name...",), action="forget"),
)


class JobViews(JobActions):
    """A screen with a `JobList`."""

    _list: JobList

    def values(self, command: Command, number: int, typed: str) -> list[str] | None:
        """What may be typed after these commands."""
        if command.id == "jobs.columns":
            before, comma, last = typed.rpartition(",")
            keys = [one.key for one in self._column_options()]
            return [f"{before}{comma}{key}" for key in keys if key.startswith(last)]
        known: dict[str, Sequence[str]] = {
            "jobs.state": STATES,
            "jobs.sort": tuple(ORDER_WORDS),
            "jobs.selection": tuple(self._saved),
            "jobs.save": tuple(self._saved),
            "jobs.forget": tuple(self._saved),
        }
        found = known.get(command.id)
        return None if found is None else [one for one in found if one.startswith(typed)]

    def on_mount(self) -> None:
        """Say so when what was remembered cannot be used."""
        self._tell(self.desk.memory.complaint())

    def _tell(self, sentence: str | None) -> None:
        if sentence:
            self.notify(clean(sentence), severity="warning", markup=False, timeout=10)

    # --- order

    def action_sort(self, by: str = "") -> None:
        """Sort by one of the orders; without one ask for it, with what each costs."""
        if by in ORDER_WORDS:
            self._list.sort(by)
        elif by:
            self._tell(f"sort by one of {', '.join(ORDER_WORDS)}")
        else:
            self._ask_order()

    def _ask_order(self) -> None:
        from bossctl.tui.screens.pick import Option, PickOne

        offers = self.desk.reader.job_orders(self._list.selection)
        options = [Option(one.name, one.words, one.note or "") for one in offers]
        self.app.push_screen(PickOne("Sort", lambda: options, here=self._list.order), self._ordered)

    def _ordered(self, order: str | None) -> None:
        if order is not None:
            self._list.sort(order)

    # --- columns

    def action_columns(self, names: str = "") -> None:
        """Show these columns; without any ask."""
        from bossctl.tui.screens.pick import PickColumns, unknown_column

        fields = self._list.fields
        if not names:
            dialog = PickColumns(self._list.column_keys, self._column_options(), fields)
            self.app.push_screen(dialog, self._columns_chosen)
            return
        keys = read_keys(names)
        unknown = unknown_column(keys, fields)
        if unknown is None:
            self._columns_chosen(tuple(keys))
        else:
            self._tell(unknown)

    def _column_options(self) -> list[Option]:
        from bossctl.tui.screens.pick import Option

        known = [Option(one.key, one.key, one.column.tooltip) for one in (*USUAL, *FURTHER)]
        return [*known, *(Option(name, name, "") for name in self._list.fields)]

    def _columns_chosen(self, keys: tuple[str, ...] | None) -> None:
        if keys is not None:
            self._tell(self.desk.memory.set_columns(() if keys == USUAL_KEYS else keys))
            self._list.set_columns(keys)

    # --- saved selections

    @property
    def _saved(self) -> dict[str, str]:
        return dict(sorted(self.desk.memory.remembered.selections.items()))

    def action_save(self, name: str = "") -> None:
        """Save the selection under a name; without one ask for it on the `:` line."""
        name, text = name.strip(), text_of(self._list.selection)
        if not text:
            self._tell("there is no selection to save: filter first")
        elif not name:
            self.app.call_later(self.app.run_action, "app.command_line('save ')")
        elif len(name) > LONGEST_NAME or not name.isprintable():
            self._tell(f"a name has at most {LONGEST_NAME} signs that can be printed")
        else:
            self._tell(self.desk.memory.save(name, text))
            self.notify(clean(f'saved as "{name}": {text}'), markup=False)

    def action_selection(self, name: str = "") -> None:
        """List the jobs of a saved selection; without a name pick one."""
        saved = self._saved
        if name in saved:
            self._list.select(read(saved[name]))
        elif name:
            self._tell(f'no selection is saved as "{name}"')
        else:
            self._ask_selection()

    def _ask_selection(self) -> None:
        from bossctl.tui.screens.pick import Option, PickOne

        def offered() -> list[Option]:
            return [Option(name, name, text) for name, text in self._saved.items()]

        dialog = PickOne(
            "My selections", offered, empty="none is saved: w saves the one you see", forget=self.action_forget
        )
        self.app.push_screen(dialog, lambda name: self.action_selection(name) if name is not None else None)

    def action_forget(self, name: str = "") -> None:
        """Forget a saved selection."""
        text = self._saved.get(name)
        if text is None:
            self._tell(f'no selection is saved as "{name}"')
            return
        self._tell(self.desk.memory.forget(name))
        self.notify(clean(f'forgot "{name}": {text}'), markup=False)
