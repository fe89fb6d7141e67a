"""The one thing a seed does with SQL: making rows old, where real time would be needed. Never DDL."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import psycopg

from tests.support.releases import generation

SNAKE = ("created_on", "started_on", "completed_on", "start_after", "keep_until", "heartbeat_on")


class Ageing:
    """SQL on the seed's job table, in the spelling of its release; `with` closes the connection."""

    def __init__(self, dsn: str, release: str) -> None:
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.execute("SET search_path TO pgboss")
        ancient = generation(release) < 10
        self.column = {name: name.replace("_", "") if ancient else name for name in SNAKE}
        self._expiring: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()

    def spread(self, queue: str, state: str, oldest: float, *, youngest: float = 0) -> None:
        """Spread the jobs of one state evenly over the past, `oldest` to `youngest` seconds ago; deferred ones stay."""
        moved = ", ".join(
            f"{column} = job.{column} - old.shift"
            for column in map(self.column.__getitem__, ("created_on", "started_on", "completed_on", "start_after"))
        )
        start_after = self.column["start_after"]
        self._run(
            f"""
            UPDATE job SET {moved} FROM (
                SELECT id, make_interval(secs => %(youngest)s + (%(oldest)s - %(youngest)s)
                       * row_number() OVER (ORDER BY {start_after}, id) / count(*) OVER ()) AS shift
                FROM job WHERE name = %(queue)s AND state = %(state)s AND {start_after} <= now()
            ) AS old
            WHERE job.id = old.id AND job.name = %(queue)s
            """,
            {"queue": queue, "state": state, "oldest": oldest, "youngest": youngest},
        )

    def abandon(self, queue: str) -> None:
        """Let the created jobs of a queue be past the time they are kept."""
        created, kept = self.column["created_on"], self.column["keep_until"]
        statement = f"UPDATE job SET {created} = now() - interval '15 days', {kept} = now() - interval '1 day'"
        self._run(f"{statement} WHERE name = %s AND state = 'created'", [queue])

    def will_expire(self, job: str) -> None:
        """Mark an active job for `expire`."""
        self._expiring.append(job)

    def expire(self) -> None:
        """Put the start of the marked jobs so far back that maintenance ends them."""
        started, created = self.column["started_on"], self.column["created_on"]
        self._run(
            f"UPDATE job SET {started} = {started} - interval '20 minutes',"
            f" {created} = {created} - interval '21 minutes' WHERE id = ANY (%s::uuid[])",
            [self._expiring],
        )

    def silence(self, queue: str, seconds: float) -> None:
        """Let the last heartbeat of a queue's active jobs be that long ago, and their start two minutes before it."""
        self._run(
            "UPDATE job SET heartbeat_on = heartbeat_on - make_interval(secs => %(seconds)s),"
            " started_on = started_on - make_interval(secs => %(seconds)s + 120),"
            " created_on = created_on - make_interval(secs => %(seconds)s + 121)"
            " WHERE name = %(queue)s AND state = 'active'",
            {"queue": queue, "seconds": seconds},
        )

    def set_data(self, job: str, text: str) -> None:
        """Put JSON text into a job's payload as it stands."""
        self._run("UPDATE job SET data = %s::jsonb WHERE id = %s::uuid", [text, job])

    def maintained(self) -> None:
        """Stamp the maintenance just done, as the timer of 10.x does (its `maintain()` alone does not)."""
        self._run("UPDATE version SET maintained_on = now()", [])

    def finish(self) -> None:
        """Give the planner its statistics."""
        self._run("ANALYZE", [])

    def _run(self, statement: str, params: Any) -> None:
        self.connection.execute(statement.encode(), params)
