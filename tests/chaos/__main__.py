"""Torments an exchange and looks whether everything it says is true: `make chaos SECONDS=600 SEED=1`.

Three workers import and export while they are killed and paused, S3 and PostgreSQL are restarted, the disk of
the exchange is full, and the way to S3 cuts, delays, truncates, flips bits and throttles. Then all is healed,
and every job is waited for. Prints one JSON object; the exit status is 1 where there is a violation: where
something is not as it must be.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
from botocore.exceptions import BotoCoreError, ClientError
from tests.chaos.checks import Insides, violations_of, wrong_exports_of
from tests.chaos.faulty_proxy import FaultyProxy, faulty_proxy
from tests.chaos.processes import Fleet, Restartable, running_fleet, wait_until
from tests.chaos.progress import told_at_the_end, told_now_and_then
from tests.chaos.small_disk import begin_again_with_own_mounts, small_disk
from tests.chaos.torment import Tormentor
from tests.chaos.work import BUCKETS, OWN, Task, Work, put_sources, refresh
from tests.functional.clients import client, s3_client
from tests.servers.postgresql import running_postgresql

from entrepot.testing import S3Server, running_seaweedfs

_END_SECONDS = 300.0
"""So long after everything is healed the last job has ended: a job that waits is tried again each minute."""
_SWEPT_SECONDS = 150.0
"""And so long after that all is swept: workers do so each minute."""
_EXPORTED_AGAIN = 40
"""The most imports of which it is seen that they can be exported again."""
_KILL, _CRASH_OF_POSTGRESQL = signal.SIGKILL, signal.SIGQUIT
"""PostgreSQL's processes share memory: it is told to end at once, and recovers as after a crash."""


def main() -> int:
    options = _options()
    begin_again_with_own_mounts(sys.argv[1:])
    return told_at_the_end("entrepot-chaos-", partial(_run, options), keep=options.keep)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long it is tormented")
    parser.add_argument("--seed", type=int, default=1, help="what happens when, as far as timing allows")
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--users", type=int, default=4, help="who have jobs at the same time")
    parser.add_argument("--keep", action="store_true", help="keep the data and the logs in any case")
    return parser.parse_args()


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    began_at = time.monotonic()
    on_postgresql, seed = options.database == "postgresql", options.seed
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(folder))
        temporary = disk.folder / "temporary"
        temporary.mkdir()
        storage = stack.enter_context(running_seaweedfs(folder, buckets=BUCKETS))
        servers = {"S3": stack.enter_context(_restartable_s3(storage))}
        s3 = s3_client(storage, retries={"total_max_attempts": 5})
        stack.callback(s3.close)
        proxy = stack.enter_context(faulty_proxy(storage.endpoint_url, random.Random(seed)))
        database = ""
        if on_postgresql:
            database = stack.enter_context(running_postgresql(folder))
            servers["PostgreSQL"] = stack.enter_context(_restartable_postgresql(database))
        environ = {"TMPDIR": str(temporary), **_environ(proxy, storage, database, seed)}
        fleet = stack.enter_context(running_fleet(disk.folder, environ, machines=2 if on_postgresql else 1))
        keys = fleet.servers[0].access_key_id, fleet.servers[0].secret_access_key
        clients = [client("dataexchange", server.url, *keys) for server in fleet.servers]
        for one in clients:
            stack.callback(one.close)
        work = Work(s3, put_sources(s3, random.Random(seed)))
        tormentor = Tormentor(fleet, proxy, servers, disk, random.Random(seed + 1))
        stack.enter_context(told_now_and_then(lambda: f"{work.line()}; {tormentor.line()}"))
        for number in range(options.users):
            work.begin(clients[number % len(clients)], seed * 100 + number)
        tormentor.torment(options.seconds, threading.Event())
        work.end()
        tormentor.heal()
        _await_end(clients[0], fleet, work.tasks)
        in_store = "ENTREPOT_STORE" not in environ
        insides = Insides(
            database or str(fleet.data_dir / "entrepot.sqlite"),
            fleet.data_dir / "assets" if in_store else None,
            temporary,
            s3,
        )
        imported = _imported(work.tasks)
        most = min(len(imported), _EXPORTED_AGAIN, int(options.seconds))
        again = random.Random(seed).sample(imported, most)
        violations = [*_violations(clients[0], s3, fleet, insides, work.tasks, again)]
        if violations or options.keep:
            disk.keep(folder / "disk-kept")
    return {
        "Seed": seed,
        "Database": options.database,
        "Store": "local" if in_store else "S3",
        "Seconds": round(time.monotonic() - began_at),
        "Jobs": Counter(f"{'import' if task.imports else 'export'} {task.state}" for task in work.tasks),
        "RefusedCalls": work.refused,
        "Disk": "is full at times" if disk.is_limited else "never full: this system lets nobody mount",
        "Torments": tormentor.done,
        "Faults": proxy.done,
        "Errors": Counter(error.get("Message", "") for task in work.tasks for error in task.errors),
        "Violations": violations,
    }


def _environ(proxy: FaultyProxy, storage: S3Server, database: str, seed: int) -> dict[str, str]:
    environ = {
        "AWS_ACCESS_KEY_ID": storage.access_key_id,
        "AWS_SECRET_ACCESS_KEY": storage.secret_access_key,
        "ENTREPOT_S3_ENDPOINT_URL": proxy.url,
        # odd seeds let every byte pass through the workers
        "ENTREPOT_SERVER_SIDE_COPY": "false" if seed % 2 else "true",
    }
    if database:
        environ |= {"ENTREPOT_DATABASE": database, "ENTREPOT_STORE": f"s3://{OWN}/exchange"}
    return environ


@contextmanager
def _restartable_s3(storage: S3Server) -> Iterator[Restartable]:
    s3 = s3_client(storage, connect_timeout=5, read_timeout=5)  # one that hangs is asked again

    def answers() -> bool:
        with suppress(ClientError, BotoCoreError):
            s3.put_object(Bucket="entrepot-readiness", Key="object", Body=b"ready")
            return True
        return False

    yield from _killed_at_the_end(Restartable("weed", lambda: wait_until(answers, "S3 answers"), _KILL))
    s3.close()


@contextmanager
def _restartable_postgresql(url: str) -> Iterator[Restartable]:
    def answers() -> bool:
        with suppress(psycopg.OperationalError):
            psycopg.connect(url, connect_timeout=2).close()
            return True
        return False

    with psycopg.connect(url, autocommit=True) as connection:  # what was committed outlives the process
        connection.execute("ALTER ROLE postgres SET synchronous_commit = on")
    yield from _killed_at_the_end(
        Restartable("postgres", lambda: wait_until(answers, "PostgreSQL answers"), _CRASH_OF_POSTGRESQL)
    )


def _killed_at_the_end(server: Restartable) -> Iterator[Restartable]:
    try:
        yield server
    finally:
        server.kill()


def _await_end(exchange: Any, fleet: Fleet, tasks: list[Task]) -> None:
    """Starts what waits, and returns when every job has ended, or after a while."""
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        fleet.keep_up()
        left = [task for task in tasks if not task.has_ended]
        for task in left:
            with suppress(ClientError, BotoCoreError):
                refresh(exchange, task)
                if task.state == "WAITING" and task.ready:
                    exchange.start_job(JobId=task.id)
                elif task.state == "WAITING":
                    exchange.cancel_job(JobId=task.id)
        if not left:
            return
        time.sleep(0.5)


def _violations(
    exchange: Any, s3: Any, fleet: Fleet, insides: Insides, tasks: list[Task], again: Sequence[Task]
) -> Iterator[str]:
    """`again` are imports that are exported once more."""
    yield from violations_of(exchange, s3, tasks)
    yield from insides.wrong_assets(_imported(tasks))
    yield from wrong_exports_of(exchange, s3, again)
    insides.age_temporary_files()
    fleet.kill_workers()  # those that follow begin with a sweep: nobody has to wait for the next one
    with suppress(TimeoutError):
        wait_until(lambda: not _any(insides.leftovers()), "all is swept", _SWEPT_SECONDS)
    yield from insides.leftovers()


def _imported(tasks: Iterable[Task]) -> list[Task]:
    return [task for task in tasks if task.imports and task.state == "COMPLETED"]


def _any(found: Iterable[str]) -> bool:
    return next(iter(found), None) is not None


if __name__ == "__main__":
    sys.exit(main())
