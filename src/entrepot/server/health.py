"""Whether this server can do its work: `/healthz` says that it answers, `/readyz` what it depends on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from entrepot.domain.errors import EntrepotError
from entrepot.http.messages import HttpResponse
from entrepot.stores.store import ObjectStore

_JSON = ((b"content-type", b"application/json"),)
_CHECK_SECONDS = 5.0


def alive() -> HttpResponse:
    """The answer of `/healthz`: that it is given is all it says."""
    return HttpResponse(200, _JSON, b'{"status": "ok"}\n')


@dataclass(frozen=True, slots=True)
class Readiness:
    """The checks of `/readyz`."""

    check_database: Callable[[], Awaitable[None]]
    store: ObjectStore
    workers_alive: Callable[[], Awaitable[int]]
    needs_workers: bool
    """Whether jobs are to run: with `--job-workers 0` somebody else's workers may come and go."""

    async def answer(self) -> HttpResponse:
        """200 when everything is well, else 503; each check by name with what is wrong with it."""
        found = await asyncio.gather(
            _outcome(self.check_database()),
            _outcome(asyncio.to_thread(self.store.check)),
            _outcome(self._require_worker()),
        )
        ready = all(state == "ok" for state in found)
        checks = dict(zip(("database", "store", "workers"), found, strict=True))
        body = {"status": "ok" if ready else "not ready", "checks": checks}
        return HttpResponse(200 if ready else 503, _JSON, json.dumps(body).encode() + b"\n")

    async def _require_worker(self) -> None:
        if self.needs_workers and not await self.workers_alive():
            raise _NoWorker("no job worker is alive; jobs wait until one is")


class _NoWorker(EntrepotError):
    """Nobody would run a job now."""


async def _outcome(check: Awaitable[object]) -> str:
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check
    except EntrepotError as error:
        return error.message
    except TimeoutError:
        return f"no answer within {_CHECK_SECONDS:g} s"
    return "ok"
