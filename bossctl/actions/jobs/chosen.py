"""Jobs of one queue that a statement is to take: by id, or by where their rows lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bossctl.sql.changes import BY_ID, BY_PLACE
from bossctl.sql.text import Composable, id_array, place_array


class Displaced(Exception):
    """Another row lies where one of the jobs was: nothing of this transaction may stay, and they are found by id."""


class TooLarge(Exception):
    """The image of so many rows is more than should be held at once. `rows` of them would do."""

    def __init__(self, rows: int) -> None:
        super().__init__(rows)
        self.rows = rows


@dataclass(frozen=True)
class Chosen:
    """Jobs of one queue by id, and where their rows lie (`ctid`), in the same order, where that is known.

    A place holds for a row that is locked; of one that was only seen it is a guess that its id must confirm.
    """

    queue: str
    ids: Sequence[str]
    places: Sequence[str] = ()

    @property
    def values(self) -> dict[str, object]:
        """What is bound for `where`; the ids in any case."""
        found: dict[str, object] = {"queue": self.queue, "ids": id_array(self.ids)}
        return {**found, "places": place_array(self.places)} if self.places else found

    @property
    def where(self) -> Composable:
        """The condition over `j`."""
        return BY_PLACE if self.places else BY_ID

    def part(self, start: int, end: int) -> Chosen:
        """Some of them."""
        return Chosen(self.queue, self.ids[start:end], self.places[start:end])

    def by_id(self) -> Chosen:
        """The same by id alone."""
        return Chosen(self.queue, self.ids)
