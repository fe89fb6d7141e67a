"""How a connection is kept private: TLS, passwords from files, nothing to see in `ps`, files for their owner."""

from __future__ import annotations

import os
import pty
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import psutil
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from bossctl.demo.server import Server, running_server
from bossctl.dsn import join_conninfo
from bossctl.errors import Exit
from bossctl.tui.look import keep_theme
from tests.cli.conftest import Bossctl
from tests.conftest import DatabaseFactory, SeededFactory
from tests.support.bed import install
from tests.support.daemons import PGBOUNCER, pgbouncer
from tests.support.releases import NEWEST

OPENSSL = shutil.which("openssl")
PATIENCE = 30.0
"""Seconds of the clock for a command that must not wait."""


@pytest.fixture(scope="module")
def guarded() -> Iterator[Server]:
    """A server with pg-boss that asks for a password over TCP."""
    with running_server(tcp=True) as server:
        install(NEWEST, server.dsn(), "pgboss")
        yield server


def authority(directory: Path, name: str) -> Path:
    """A certificate authority of our own that has certified the host `localhost`."""
    home = directory / name
    home.mkdir()
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    made = (
        ("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", f"/CN={name}", "-days", "2"),
        ("req", "-new", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"),
        ("x509", "-req", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
         "-out", "server.crt", "-days", "2"),
    )  # fmt: skip
    for arguments in made:
        subprocess.run([str(OPENSSL), *arguments], cwd=home, check=True, capture_output=True)
    return home


@pytest.mark.skipif(PGBOUNCER is None or OPENSSL is None, reason="needs openssl and a PgBouncer, which speaks TLS")
def test_tls_is_as_strict_as_it_was_asked_to_be(bossctl: Bossctl, database: DatabaseFactory, tmp_path: Path) -> None:
    """Every mode of libpq, from each source of connections: right certificates pass, wrong ones are exit 3."""
    db = database(NEWEST)
    good, other = authority(tmp_path, "good"), authority(tmp_path, "other")
    files = {"client_tls_cert_file": str(good / "server.crt"), "client_tls_key_file": str(good / "server.key")}
    with pgbouncer(db.bed, db.name, client_tls_sslmode="require", **files) as dsn:
        by_name, by_number = dsn.replace("127.0.0.1", "localhost"), dsn
        passes = ("require", by_number, None), ("verify-ca", by_number, good), ("verify-full", by_name, good)
        for mode, where, trusted in passes:
            root = f"&sslrootcert={trusted}/ca.crt" if trusted else ""
            result = bossctl("info", "--dsn", f"{where}&sslmode={mode}{root}")
            assert result.code == Exit.OK, f"{mode}: {result.err}"
        fails = (
            ("verify-full", by_number, good, "does not match host name"),
            ("verify-full", by_name, other, "certificate verify failed"),
            ("verify-ca", by_number, other, "certificate verify failed"),
            ("verify-ca", by_number, tmp_path, "root certificate file"),
            ("disable", by_number, good, "SSL required"),
        )
        for mode, where, trusted, why in fails:
            env = {"BOSSCTL_DSN": f"{where}&sslmode={mode}&sslrootcert={trusted}/ca.crt"}
            result = bossctl("info", env=env)
            assert (result.code, result.out) == (Exit.UNREACHABLE, b""), f"{mode}: {result.err}"
            assert why in result.err, mode
        asked = {"DATABASE_URL": by_number, "PGSSLMODE": "verify-full", "PGSSLROOTCERT": f"{good}/ca.crt"}
        assert bossctl("info", env=asked).code == Exit.UNREACHABLE


@pytest.mark.matrix
@pytest.mark.skipif(PGBOUNCER is None or OPENSSL is None, reason="needs openssl and a PgBouncer, which speaks TLS")
def test_nobody_asks_for_a_passphrase(database: DatabaseFactory, tmp_path: Path) -> None:
    """OpenSSL would, on the terminal, whatever is drawn there, and wait for ever."""
    db = database(NEWEST)
    home = authority(tmp_path, "good")
    locked = ("ec", "-in", "server.key", "-aes256", "-passout", "pass:open-sesame", "-out", "locked.key")
    subprocess.run([str(OPENSSL), *locked], cwd=home, check=True, capture_output=True)
    (home / "locked.key").chmod(0o600)
    files = {"client_tls_cert_file": str(home / "server.crt"), "client_tls_key_file": str(home / "server.key")}
    files["client_tls_ca_file"] = str(home / "ca.crt")
    with pgbouncer(db.bed, db.name, client_tls_sslmode="require", **files) as dsn:
        given = f"{dsn}&sslmode=require&sslcert={home}/server.crt&sslkey={home}/locked.key"
        code, drawn = on_a_terminal("info", given)
        assert code == Exit.UNREACHABLE
        assert "bad decrypt" in drawn
        assert "pass phrase" not in drawn
        code, drawn = on_a_terminal("info", f"{given}&sslpassword=open-sesame")
        assert code == Exit.OK, drawn
        parts, services = conninfo_to_dict(given), tmp_path / "services"
        for more, end in (({}, Exit.UNREACHABLE), ({"sslpassword": "open-sesame"}, Exit.OK)):
            lines = (f"{key}={value}" for key, value in {**parts, **more}.items())
            services.write_text("\n".join(("[jobs]", *lines, "")))
            code, drawn = on_a_terminal("info", "service=jobs", PGSERVICEFILE=str(services))
            assert (code, "pass phrase" in drawn) == (end, False), drawn


def test_the_time_to_connect_is_libpq_s_to_say(bossctl: Bossctl, tmp_path: Path) -> None:
    """From the DSN, its service or the environment, before ours of ten seconds."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:  # connects, and never says a word
        port = silent.getsockname()[1]
        (tmp_path / "services").write_text(f"[jobs]\nhost=127.0.0.1\nport={port}\nconnect_timeout=2\n")
        where = f"host=127.0.0.1 port={port}"
        for dsn, env in (
            (where, {"PGCONNECT_TIMEOUT": "2"}),
            (f"{where} connect_timeout=2", {"PGCONNECT_TIMEOUT": "60"}),
            ("service=jobs", {"PGSERVICEFILE": str(tmp_path / "services")}),
        ):
            began = time.monotonic()
            result = bossctl("info", "--dsn", dsn, env=env)
            assert result.code == Exit.UNREACHABLE
            assert 1 < time.monotonic() - began < 6, dsn


def on_a_terminal(command: str, dsn: str, **more: str) -> tuple[int, str]:
    """Exit code and what a command drew that has a terminal to itself, on which nobody types."""
    child, terminal = pty.fork()
    if not child:
        environment = {**os.environ, "BOSSCTL_DSN": dsn, **more}
        os.execve(sys.executable, [sys.executable, "-m", "bossctl", command], environment)
    drawn = bytearray()
    end = time.monotonic() + PATIENCE
    with suppress(OSError):  # Linux says so when nobody has the other side open any more
        while time.monotonic() < end:
            if select.select([terminal], [], [], 0.2)[0]:
                drawn += os.read(terminal, 1 << 16)
    os.close(terminal)
    if time.monotonic() >= end:
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), drawn.decode()


def test_no_tls_where_it_was_asked_for(bossctl: Bossctl, guarded: Server) -> None:
    result = bossctl("info", "--dsn", f"{guarded.tcp_dsn()}?sslmode=require")
    assert (result.code, result.out) == (Exit.UNREACHABLE, b"")
    assert "SSL" in result.err
    assert guarded.password not in result.err


def test_passwords_come_from_libpq_s_own_places(bossctl: Bossctl, guarded: Server, tmp_path: Path) -> None:
    where = conninfo_to_dict(guarded.tcp_dsn())
    naked = f"postgresql://{where['user']}@{where['host']}:{where['port']}/postgres"
    refused = bossctl("info", "--dsn", naked)
    assert refused.code == Exit.UNREACHABLE
    assert ".pgpass" in refused.err
    assert bossctl("info", "--dsn", naked, env={"PGPASSWORD": guarded.password}).code == Exit.OK
    home = tmp_path / ".pgpass"
    home.write_text(f"{where['host']}:{where['port']}:*:{where['user']}:{guarded.password}\n")
    home.chmod(0o600)
    env = {"PGPASSFILE": str(home)}
    assert bossctl("info", "--dsn", naked, env=env).code == Exit.OK
    service = tmp_path / "services"
    service.write_text(f"[jobs]\nhost={where['host']}\nport={where['port']}\nuser={where['user']}\ndbname=postgres\n")
    env["PGSERVICEFILE"] = str(service)
    result = bossctl("info", "--dsn", "service=jobs", "-o", "json", env=env)
    assert result.json()["target"]["database"] == "postgres"
    assert bossctl("info", env={**env, "PGSERVICE": "jobs"}).code == Exit.OK
    config = tmp_path / ".config" / "bossctl" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text('current = "jobs"\n[contexts.jobs]\ndsn = "service=jobs"\n')
    assert bossctl("info", env=env).code == Exit.OK
    nowhere = bossctl("info", "--dsn", "service=nowhere", env=env)
    assert nowhere.code == Exit.USAGE
    assert 'definition of service "nowhere" not found' in nowhere.err
    assert bossctl("info", "--dsn", naked, env={**env, "PGSSLMODE": "verify_full"}).code == Exit.USAGE
    service.write_text(service.read_text().replace(f"port={where['port']}", "port=1"))
    led = bossctl("info", "--dsn", "service=jobs", env=env)
    assert f"cannot connect to {where['host']}:1 " in led.err, "not where libpq's own defaults are"
    home.chmod(0o644)  # libpq reads no password that others can read
    assert bossctl("info", "--dsn", naked, env=env).code == Exit.UNREACHABLE


def test_odd_passwords_in_every_kind_of_connection_string(bossctl: Bossctl, guarded: Server, tmp_path: Path) -> None:
    """Percent-encoded, quoted, in the query, for several hosts; one that is not encoded is refused and not shown."""
    user, password = "we ird@x", "p@ss%w/o:r?d#é &'\\ =1%40"
    where = conninfo_to_dict(guarded.tcp_dsn())
    place, name, secret = f"{where['host']}:{where['port']}", quote(user, safe=""), quote(password, safe="")
    with psycopg.connect(guarded.dsn(), autocommit=True) as db:
        made = sql.SQL("CREATE ROLE {} LOGIN SUPERUSER PASSWORD {}")
        db.execute(made.format(sql.Identifier(user), password))
    parts = {"host": str(where["host"]), "port": str(where["port"]), "user": user, "dbname": "postgres"}
    for dsn in (
        f"postgresql://{name}:{secret}@{place}/postgres",
        f"postgresql://{name}:{secret}@127.0.0.1:1,{place}/postgres",
        f"postgresql://{place}/postgres?user={name}&password={secret}",
        join_conninfo({**parts, "password": password}),
    ):
        result = bossctl("info", env={"BOSSCTL_DSN": dsn})
        assert result.code == Exit.OK, result.err
        assert password not in result.text + result.err
    for bare in ("100%", "p@ss", "a/b", "50%off"):
        result = bossctl("info", "--dsn", f"postgresql://{name}:{bare}@{place}/postgres")
        assert (result.code, result.out) == (Exit.USAGE, b""), bare
        assert "% as %25" in result.err
        assert bare not in result.err.partition("hint")[0]
    file = tmp_path / ".pgpass"
    file.write_text(f"{place}:*:{user}:{password.replace(chr(92), chr(92) * 2).replace(':', chr(92) + ':')}\n")
    file.chmod(0o600)
    assert bossctl("info", "--dsn", join_conninfo(parts), env={"PGPASSFILE": str(file)}).code == Exit.OK


@pytest.mark.matrix
@pytest.mark.parametrize("source", ["environment", "config"])
def test_no_password_in_ps(guarded: Server, tmp_path: Path, source: str) -> None:
    """Of a bossctl that runs on: its own command line, and those of what it starts."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    if source == "environment":
        environment["BOSSCTL_DSN"] = guarded.tcp_dsn()
    else:
        config = tmp_path / ".config" / "bossctl" / "config.toml"
        config.parent.mkdir(parents=True)
        config.write_text(f'current = "a"\n[contexts.a]\ndsn = "{guarded.tcp_dsn()}"\n')
    watch = [sys.executable, "-m", "bossctl", "doctor", "--watch", "1h", "-o", "jsonl"]
    with subprocess.Popen(watch, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        try:
            assert running.stdout is not None
            assert running.stdout.readline()
            process = psutil.Process(running.pid)
            for one in (process, *process.children(recursive=True)):
                assert guarded.password not in " ".join(one.cmdline())
        finally:
            running.terminate()
            out, err = running.communicate(timeout=20)
    assert guarded.password.encode() not in out + err


def test_files_are_for_their_owner_alone(
    bossctl: Bossctl, seeded: SeededFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the umask: what bossctl writes has mode 0600, the log's directory 0700."""
    state = tmp_path / "state"
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    dsn = ("--dsn", seeded(NEWEST).dsn)
    before = os.umask(0)
    try:
        archive = ("job", "archive", "queue:mail state:completed", "--limit", "2", "--yes")
        assert bossctl("job", "retry", "queue:mail state:failed", "--limit", "1", "--yes", *dsn).code == Exit.OK
        assert bossctl(*archive, "--to", str(tmp_path / "mail.jsonl.gz"), *dsn).code == Exit.OK
        baseline = str(tmp_path / "known.json")
        assert bossctl("doctor", "--baseline", baseline, "--update-baseline", *dsn).code == Exit.OK
        keep_theme(state / "bossctl" / "look.json", "nord")
    finally:
        os.umask(before)
    files = [one for one in tmp_path.rglob("*") if one.is_file()]
    assert {one.name for one in files} >= {"mail.jsonl.gz", "known.json", "look.json"}
    assert any(one.suffix == ".jsonl" for one in files), "the log"
    assert {stat.S_IMODE(one.stat().st_mode) for one in files} == {0o600}
    assert {stat.S_IMODE(one.stat().st_mode) for one in state.rglob("*") if one.is_dir()} == {0o700}
