"""The engine on DBOS: one workflow per run, with the run's id as the workflow's id.

    submit → workflow recorded → run on the worker's own loop → workflow recorded as ended → deleted in bulk

Every worker is an application of its own to DBOS (its name, executor and version are the worker's): DBOS
would otherwise hand what one worker left unfinished to any other. Whether a worker is dead is not decided
here: the heartbeats of `worker.py` tell, and another worker then gets the job as a new run.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TypeVar

from dbos import DBOS, DBOSConfig, SetWorkflowID, WorkflowSerializationFormat

from entrepot.domain.errors import DatabaseUnavailable
from entrepot.domain.job import RunId
from entrepot.engine.engine import RunFunction

_ENDED = ["SUCCESS", "ERROR", "CANCELLED", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_SWEEP_AFTER = 50
_SWEEP_BATCH = 1_000
_CANCEL_SECONDS = 2.0

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class DurableEngine:
    """DBOS in this process. DBOS keeps its state in the process, so there is one of these at a time."""

    def __init__(self, system_database_url: str, worker_id: str, *, concurrency: int) -> None:
        self._url = system_database_url
        self._worker_id = worker_id
        self._concurrency = concurrency
        self._calls = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._tasks: dict[RunId, asyncio.Task[None]] = {}
        self._ended = 0
        self._stopping = False
        self._workflow: Callable[[str, int], None]
        self._loop: asyncio.AbstractEventLoop
        self._run: RunFunction

    async def start(self, run: RunFunction) -> None:
        """Raises `DatabaseUnavailable` when DBOS cannot open or prepare its database.

        Crash: workflows that were recorded and had not ended begin again about a second after this.
        """
        self._loop = asyncio.get_running_loop()
        self._run = run
        await self._call(self._launch)
        await self._call(self._sweep)

    async def submit(self, run_id: RunId, *, again: bool = False) -> None:
        """See `Engine.submit`.

        Crash: before DBOS's commit the run is only claimed, and submitted again when the worker is back;
        after it, DBOS repeats it by itself. Both at once are one workflow, because the id is the same.
        """
        if self._stopping or run_id in self._tasks:
            return
        await self._call(partial(self._submit, run_id, again=again))

    async def stop(self) -> None:
        """See `Engine.stop`; waits two seconds at most.

        A run that waits for a slow store may take longer to notice. It is left behind: once its job has been
        handed back, whatever it still writes down is refused.
        """
        self._stopping = True
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        if tasks:
            _, unfinished = await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
            if unfinished:
                _log.info("%d runs are left behind; they did not notice in time", len(unfinished))

    async def close(self) -> None:
        """See `Engine.close`; does nothing while runs are left behind, as the process then ends with them."""
        if self._tasks:
            return
        await self._call(partial(DBOS.destroy, destroy_registry=True))
        self._calls.shutdown(wait=False)

    async def _call(self, function: Callable[[], _T]) -> _T:
        """DBOS blocks: its calls go through one thread, one after the other."""
        return await asyncio.get_running_loop().run_in_executor(self._calls, function)

    def _launch(self) -> None:
        try:
            if self._url.startswith("sqlite"):
                _prepare_sqlite(Path(self._url.removeprefix("sqlite:///")))
            DBOS(config=self._config())
            self._workflow = self._registered()
            DBOS.launch()
        except Exception as error:
            DBOS.destroy(destroy_registry=True)
            raise DatabaseUnavailable(
                f"The job engine cannot use its database: {error}. "
                "Check that it is reachable and that its user may create the schema dbos."
            ) from error

    def _config(self) -> DBOSConfig:
        return DBOSConfig(
            name=f"entrepot-{self._worker_id}",
            system_database_url=self._url,
            executor_id=self._worker_id,
            # Pinned, since DBOS repeats only what a process of the same version began, and a new release must
            # repeat it, too; and the worker's own, since one version cannot belong to two applications.
            application_version=f"{self._worker_id}.1",
            # What goes wrong in a call is raised to us; the rest speaks of its own affairs.
            log_level="CRITICAL",
            enable_otlp=False,
            # Nobody waits for a workflow's events here: notifications would be work for nothing.
            use_listen_notify=False,
            notification_listener_polling_interval_sec=0.5,
            sys_db_pool_size=4,
            # A workflow holds its thread while its run goes on; a few more repeat what died.
            max_executor_threads=2 * self._concurrency + 4,
        )

    def _submit(self, run_id: RunId, *, again: bool) -> None:
        if again:
            DBOS.delete_workflow(str(run_id))
        with SetWorkflowID(str(run_id)):
            DBOS.start_workflow(self._workflow, run_id.job_id, run_id.attempt)

    def _registered(self) -> Callable[[str, int], None]:
        """The workflow. It has no steps: what a run has done is recorded in the exchange's own database."""

        @DBOS.workflow(
            name="run", max_recovery_attempts=None, serialization_type=WorkflowSerializationFormat.PORTABLE
        )
        def run(job_id: str, attempt: int) -> None:
            asyncio.run_coroutine_threadsafe(self._join(RunId(job_id, attempt)), self._loop).result()

        return run

    async def _join(self, run_id: RunId) -> None:
        """Does the run once in this process, however many workflows ask for it; never raises.

        A run that was cancelled or failed here counts as ended for DBOS: the queue still gives it to this
        worker, or already to another, and the worker acts on that.
        """
        if self._stopping:
            return
        task = self._tasks.get(run_id)
        if task is None:
            task = self._tasks[run_id] = self._loop.create_task(self._do(run_id), name=f"run {run_id}")
        await asyncio.wait([task])

    async def _do(self, run_id: RunId) -> None:
        try:
            await self._run(run_id)
        except Exception:  # noqa: BLE001 - whatever breaks off a run, the worker must live on
            _log.exception("run %s broke off; it will be tried again", run_id)
        finally:
            del self._tasks[run_id]
            self._ended += 1
            if self._ended % _SWEEP_AFTER == 0 and not self._stopping:
                self._calls.submit(self._sweep)

    def _sweep(self) -> None:
        """Deletes workflows that have ended; DBOS keeps them for good otherwise."""
        try:
            while True:
                ended = DBOS.list_workflows(
                    status=_ENDED,
                    executor_id=self._worker_id,
                    limit=_SWEEP_BATCH,
                    load_input=False,
                    load_output=False,
                )
                if not ended:
                    return
                DBOS.delete_workflows([workflow.workflow_id for workflow in ended])
        except Exception:  # noqa: BLE001 - of DBOS, SQLAlchemy or a driver; nothing depends on a sweep
            _log.warning("ended workflows could not be deleted; the next sweep will", exc_info=True)


def _prepare_sqlite(path: Path) -> None:
    """DBOS leaves SQLite's journal as it is; with a write-ahead log readers do not wait for writers."""
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
