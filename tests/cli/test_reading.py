"""The reading commands on real databases, one release per layout of the schema, in every format."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest

from bossctl.models.queues import OPTION_NAMES
from tests.cli.conftest import Bossctl, Result
from tests.cli.stock import EXACT, HOSTILE, HOSTILE_QUEUE, STATES
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.database import Database
from tests.support.releases import NEWEST, generation

LISTS = {
    ("queue", "list"): "queues",
    ("queue", "show", "email"): "queues",
    ("stats",): "queues",
    ("job", "list"): "jobs",
    ("schedule", "list"): "schedules",
    ("worker", "list"): "workers",
}
RAW = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control and direction characters that no table or JSON may hold; csv on a pipe is data."""


def ask(bossctl: Bossctl, db: Database, *argv: str) -> Result:
    result = bossctl(*argv, "--dsn", db.dsn)
    assert result.code == 0, result.err
    return result


def one(rows: list[dict[str, Any]], **wanted: str) -> dict[str, Any]:
    [found] = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    return found


@pytest.mark.parametrize("argv", LISTS, ids=" ".join)
def test_every_list_in_every_format(bossctl: Bossctl, stock: Database, argv: tuple[str, ...]) -> None:
    key = LISTS[argv]
    document = ask(bossctl, stock, *argv, "-o", "json").json()
    assert next(iter(document)) == "bossctl"
    assert document["bossctl"] == 1
    rows = document[key]
    lines = ask(bossctl, stock, *argv, "-o", "jsonl").lines()
    assert [set(line) for line in lines] == [set(row) for row in rows]
    table = list(csv.reader(io.StringIO(ask(bossctl, stock, *argv, "-o", "csv").text, newline="")))
    assert len(table) == len(rows) + 1
    assert len({len(row) for row in table}) == 1
    text = ask(bossctl, stock, *argv).text
    assert not RAW.search(text)
    assert not [line for line in text.splitlines() if line != line.rstrip()]
    if argv[-1] == "list":
        assert len(text.splitlines()) == len(rows) + 1 if rows else not text


def test_queue_list(bossctl: Bossctl, stock: Database) -> None:
    queues = ask(bossctl, stock, "queue", "list", "-o", "json").json()["queues"]
    email = one(queues, queue="email")
    assert list(email["counts"]) == ["created", "retry", "active", "completed", "cancelled", "failed"]
    for count in [*email["counts"].values(), email["failed_last_hour"]]:
        assert set(count) == {"value", "truth", "age_seconds"}
        assert count["truth"] in ("exact", "cached", "estimate", "unknown")
        assert (count["value"] is None) == (count["truth"] == "unknown")
    assert {"queue", "counts", "oldest_due_seconds", "failed_last_hour", "dead_letter", "storage"} <= set(email)
    assert email["oldest_due_seconds"] > 0
    options = set(email) - {"queue", "counts", "oldest_due_seconds", "failed_last_hour", "storage"}
    assert options <= set(OPTION_NAMES)
    if generation(stock.release) >= 10:
        assert (email["dead_letter"], email["policy"], email["retry_limit"]) == ("email-dead", "standard", 3)
    assert one(queues, queue=HOSTILE_QUEUE), "JSON names it as it is"


def test_stats_counts_exactly(bossctl: Bossctl, stock: Database) -> None:
    queues = ask(bossctl, stock, "stats", "-o", "json").json()["queues"]
    counts = one(queues, queue="email")["counts"]
    assert {state: count["value"] for state, count in counts.items()} == STATES
    assert {count["truth"] for count in counts.values()} == {"exact"}
    drawn = ask(bossctl, stock, "stats").text
    assert re.search(r"^email +░+▒+▓+█+─+╳+ +8 +3 +1 +1 +1 +1 +1$", drawn, re.M), drawn
    assert "░ created" in drawn


def test_stats_leaves_no_job_out(bossctl: Bossctl, newest: Database) -> None:
    newest.execute("ALTER TABLE job_common DROP CONSTRAINT q_fkey, DROP CONSTRAINT dlq_fkey")
    newest.execute("UPDATE queue SET dead_letter = NULL")
    newest.execute("DELETE FROM queue WHERE name = 'email-dead'")
    queues = ask(bossctl, newest, "stats", "-o", "json").json()["queues"]
    orphan = one(queues, queue="email-dead")
    assert orphan["counts"]["created"] == {"value": 1, "truth": "exact", "age_seconds": None}
    assert re.search("^email-dead +░+ +1 ", ask(bossctl, newest, "stats").text, re.M)


def test_queue_show(bossctl: Bossctl, stock: Database) -> None:
    [queue] = ask(bossctl, stock, "queue", "show", "email", "-o", "json").json()["queues"]
    assert queue["queue"] == "email"
    assert queue["schedules"] == [""]
    assert queue["failed_last_day"]["value"] == 1
    text = ask(bossctl, stock, "queue", "show", "email").text
    assert re.search(r"^failed +1$", text, re.M)
    if generation(stock.release) >= 10:
        [dead] = ask(bossctl, stock, "queue", "show", "email-dead", "-o", "json").json()["queues"]
        assert dead["feeds"] == ["email"]
        assert re.search(r"^dead_letter +email-dead$", text, re.M)


def test_queue_show_of_nothing(bossctl: Bossctl, stock: Database) -> None:
    result = bossctl("queue", "show", "emial", "--dsn", stock.dsn)
    assert (result.code, result.out) == (5, b"")
    assert "emial" in result.err
    assert "email" in result.err.splitlines()[1], "names what is near"


def test_job_list(bossctl: Bossctl, stock: Database) -> None:
    document = ask(bossctl, stock, "job", "list", "queue:email", "-o", "json").json()
    jobs = document["jobs"]
    assert list(document) == ["bossctl", "jobs", "next"]
    assert list(jobs[0]) == [
        *("id", "queue", "state", "priority", "retry_count", "retry_limit", "created_on", "start_after", "started_on"),
        *("completed_on", "keep_until", "singleton_key", "dead_letter", "archived"),
    ]
    assert {state: sum(job["state"] == state for job in jobs) for state in STATES} == STATES
    created = [job["created_on"] for job in jobs]
    assert created == sorted(created, reverse=True), "newest first"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", created[0])
    assert one(jobs, singleton_key="order-7")["state"] == "created"
    text = ask(bossctl, stock, "job", "list", "queue:email").text
    assert all(job["id"] in text for job in jobs), "ids are whole"


def test_job_list_conveniences_are_the_selector(bossctl: Bossctl, stock: Database) -> None:
    def ids(*argv: str) -> list[str]:
        return [job["id"] for job in ask(bossctl, stock, "job", "list", *argv, "-o", "json").json()["jobs"]]

    wanted = ids("queue:email state:failed OR queue:email state:retry")
    assert len(wanted) == 2
    assert ids("queue:email", "(state:failed OR state:retry)") == wanted
    assert ids("-q", "email", "--state", "failed", "--state", "retry") == wanted
    assert len(ids("-q", HOSTILE_QUEUE)) == 1, "any name can be typed"
    assert len(ids(*wanted)) == 2, "ids select"


def test_job_pages(bossctl: Bossctl, stock: Database) -> None:
    everything = ask(bossctl, stock, "job", "list", "-o", "json").json()
    assert everything["next"] is None
    seen: list[str] = []
    after: list[str] = []
    for _ in range(20):
        page = ask(bossctl, stock, "job", "list", "--limit", "3", *after, "-o", "json").json()
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        after = ["--after", page["next"]]
    assert seen == [job["id"] for job in everything["jobs"]]
    for output in ("table", "jsonl", "csv"):
        assert "hint: more with --after " in ask(bossctl, stock, "job", "list", "--limit", "3", "-o", output).err


def test_job_list_of_nothing(bossctl: Bossctl, stock: Database) -> None:
    result = ask(bossctl, stock, "job", "list", "queue:nosuch")
    assert (result.text, result.err) == ("", "note: no job matches\n")
    assert ask(bossctl, stock, "job", "list", "queue:nosuch", "-o", "json").json()["jobs"] == []
    assert ask(bossctl, stock, "job", "list", "queue:nosuch", "-o", "csv").text.startswith("id,queue,state,")


@pytest.mark.parametrize("argv", [("queue:",), ("nonsense",), ("--after", "x"), ("--limit", "0"), ("(queue:email",)])
def test_bad_job_lists(bossctl: Bossctl, newest: Database, argv: tuple[str, ...]) -> None:
    result = bossctl("job", "list", *argv, "--dsn", newest.dsn)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith("error: ")
    if not argv[0].startswith("--"):
        assert result.err.splitlines()[1] == argv[0]
        assert result.err.splitlines()[2].strip() == "^"


def test_job_show_passes_payloads_digit_for_digit(bossctl: Bossctl, stock: Database) -> None:
    job = one(ask(bossctl, stock, "job", "list", "key:order-7", "-o", "json").json()["jobs"])
    for output in ("json", "jsonl"):
        assert "1.00000000000000000001" in ask(bossctl, stock, "job", "show", job["id"], "-o", output).text
    shown = ask(bossctl, stock, "job", "show", job["id"], "-o", "json").json()["jobs"][0]
    assert shown.items() >= job.items()
    assert shown["data"] == json.loads(EXACT)
    [row] = csv.DictReader(io.StringIO(ask(bossctl, stock, "job", "show", job["id"], "-o", "csv").text, newline=""))
    assert "1.00000000000000000001" in row["data"]
    text = ask(bossctl, stock, "job", "show", job["id"]).text
    assert '  "n": 1.00000000000000000001' in text
    assert '  "big": 9007199254740993' in text


def test_job_show_tells_the_history(bossctl: Bossctl, stock: Database) -> None:
    retried = one(ask(bossctl, stock, "job", "list", "queue:email state:retry", "-o", "json").json()["jobs"])
    text = ask(bossctl, stock, "job", "show", retried["id"]).text
    history = text.partition("HISTORY\n")[2].partition("\n\n")[0]
    for step in ("sent", "attempt 1 was fetched", "attempt 1 failed: not yet", "due again", "kept until"):
        assert step in history
    assert "not yet" in text.partition("OUTPUT\n")[2]


def test_a_dead_letter_tells_where_it_comes_from(bossctl: Bossctl, newest: Database) -> None:
    [dead] = ask(bossctl, newest, "job", "list", "queue:email-dead", "-o", "json").json()["jobs"]
    shown = ask(bossctl, newest, "job", "show", dead["id"], "-o", "json").json()["jobs"][0]
    assert shown["source_name"] == "email"
    assert shown["source_output"]["message"] == f"boom {HOSTILE}"
    text = ask(bossctl, newest, "job", "show", dead["id"]).text
    assert f"arrived as the dead letter of job {shown['source_id']} in queue email" in text
    assert "OUTPUT OF THE JOB IT COMES FROM\n" in text


def test_an_archived_twin_is_shown_too(bossctl: Bossctl, database: DatabaseFactory) -> None:
    db = database("9.0.3")
    job = db.value("INSERT INTO job (name) VALUES ('email') RETURNING id::text")
    db.execute("INSERT INTO archive SELECT *, now() FROM job WHERE id = %s", [job])
    jobs = ask(bossctl, db, "job", "show", job, "-o", "json").json()["jobs"]
    assert [one["archived"] for one in jobs] == [False, True]
    assert ask(bossctl, db, "job", "show", job).text.count("HISTORY\n") == 2


def test_job_show_of_nothing(bossctl: Bossctl, stock: Database) -> None:
    result = bossctl("job", "show", "00000000-0000-4000-8000-000000000000", "--dsn", stock.dsn)
    assert (result.code, result.out) == (5, b"")
    assert bossctl("job", "show", "not-an-id", "--dsn", stock.dsn).code == 2


def test_big_payloads_are_cut_for_people_only(bossctl: Bossctl, stock: Database) -> None:
    job = stock.value("SELECT id::text FROM job WHERE name = 'email' AND state = 'active'")
    stock.execute("UPDATE job SET data = jsonb_build_object('x', repeat('y', 200000)) WHERE id = %s", [job])
    cut = ask(bossctl, stock, "job", "show", job).text
    assert cut.count("y") < 70_000
    assert "--full shows it whole" in cut
    assert ask(bossctl, stock, "job", "show", job, "--full").text.count("y") >= 200_000
    assert len(ask(bossctl, stock, "job", "show", job, "-o", "json").json()["jobs"][0]["data"]["x"]) == 200_000


def test_hostile_text(bossctl: Bossctl, stock: Database) -> None:
    job = stock.value("SELECT id::text FROM job WHERE data->>'text' IS NOT NULL")
    assert ask(bossctl, stock, "job", "show", job, "-o", "json").json()["jobs"][0]["data"] == {"text": HOSTILE}
    for output in ("table", "json", "jsonl"):
        assert not RAW.search(ask(bossctl, stock, "job", "show", job, "-o", output).text)
    assert "[bold red]x[/]" in ask(bossctl, stock, "job", "show", job).text, "markup is text"


def test_schedule_list(bossctl: Bossctl, stock: Database) -> None:
    [schedule] = ask(bossctl, stock, "schedule", "list", "-o", "json").json()["schedules"]
    keys = ["queue", "key", "cron", "timezone", "kind", "next", "last_job", "missed"]
    assert list(schedule) == [*keys, "doubled", "slots_seen"]
    assert (schedule["queue"], schedule["key"], schedule["cron"]) == ("email", "", "*/5 * * * *")
    assert (schedule["timezone"], schedule["kind"]) == ("Europe/Amsterdam", "cron")
    assert len(schedule["next"]) == 3
    assert schedule["next"] == sorted(schedule["next"])
    assert all(re.search(r":[0-5][05]:00\.000000Z$", moment) for moment in schedule["next"])
    text = ask(bossctl, stock, "schedule", "list").text
    assert "*/5 * * * *" in text
    assert text.count(":00Z") == 3


def test_what_cannot_be_predicted_is_null(bossctl: Bossctl, newest: Database) -> None:
    newest.execute("UPDATE schedule SET cron = 'H * * * *'")
    assert ask(bossctl, newest, "schedule", "list", "-o", "json").json()["schedules"][0]["next"] is None
    assert ask(bossctl, newest, "schedule", "list").text.count("cannot predict:") == 1


def test_info(bossctl: Bossctl, stock: Database) -> None:
    info = ask(bossctl, stock, "info", "-o", "json").json()
    assert set(info) >= {"server", "schema", "pgboss", "capabilities", "sizes", "ages", "instances"}
    assert info["schema"] == "pgboss"
    assert info["pgboss"]["schema_number"] == stock.schema_number
    assert info["pgboss"]["generation"] == {9: "8-9", 10: "10", 11: "11-12", 12: "11-12"}[generation(stock.release)]
    assert {"name", "present", "since"} == set(info["capabilities"][0])
    [line] = ask(bossctl, stock, "info", "-o", "jsonl").lines()
    assert line["schema"] == "pgboss"
    pairs = dict(csv.reader(io.StringIO(ask(bossctl, stock, "info", "-o", "csv").text, newline="")))
    assert pairs["pgboss.schema_number"] == str(stock.schema_number)
    text = ask(bossctl, stock, "info").text
    assert f"(schema {stock.schema_number})" in text
    assert "from --dsn" in text
    assert not RAW.search(text)


def test_worker_list(bossctl: Bossctl, stock: Database) -> None:
    workers = ask(bossctl, stock, "worker", "list", "-o", "json").json()["workers"]
    first = ["instance", "host", "pid", "release", "queues", "heartbeat_age_seconds", "alive", "source"]
    for worker in workers:
        assert list(worker)[: len(first)] == first
        assert worker["source"] in ("registry", "inferred")
    if stock.schema_number >= 44:
        assert [(worker["release"], worker["source"]) for worker in workers] == [("12.38.0", "registry")]


def test_a_line_break_in_a_name_makes_no_line_of_its_own(bossctl: Bossctl, seeded: SeededFactory) -> None:
    """Neither in what is asked for nor in a name of the database that is offered instead."""
    db = seeded(NEWEST)
    name = "jsonb_build_object('name', E'night\\nhint: run this')"
    db.execute(f"INSERT INTO queue SELECT (jsonb_populate_record(q, {name})).* FROM queue AS q WHERE name = 'mail'")
    result = bossctl("queue", "show", "night\nhint: run that", "--dsn", db.dsn)
    assert result.code == 5
    assert "did you mean night␊hint: run this" in result.err
    assert [line.partition(":")[0] for line in result.err.splitlines()] == ["error", "hint"]
