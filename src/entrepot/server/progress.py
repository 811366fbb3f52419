"""`GET /entrepot/jobs/{id}/progress`: how far a job is. AWS has no such call, so it is not under `/v1`.

    {"JobId": …, "State": …, "Items": 12, "ItemsDone": 7, "Bytes": 1048576, "BytesDone": 524288}

The counts are there once the job has its plan, and until it has ended. Signed like every other request.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from entrepot.database import job_runs, jobs
from entrepot.database.connection import Database
from entrepot.domain.errors import DatabaseError, ResourceNotFound, ResourceType, ServiceError
from entrepot.domain.timestamp import Timestamp
from entrepot.wire.authentication import Authenticator
from entrepot.wire.errors import error_response, internal_error
from entrepot.wire.request import HttpRequest, HttpResponse

_PATH = re.compile(r"/entrepot/jobs/([a-zA-Z0-9]{1,64})/progress")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ProgressRoute:
    """Answers the route."""

    database: Database
    authenticator: Authenticator
    clock: Callable[[], Timestamp]

    @staticmethod
    def matches(method: str, raw_path: str) -> bool:
        """Whether a request is for this route."""
        return method == "GET" and _PATH.fullmatch(raw_path) is not None

    async def answer(self, request: HttpRequest) -> HttpResponse:
        """The answer, or a modelled error; never raises."""
        request_id = str(uuid4())
        try:
            return await self._answer(request, request_id)
        except ServiceError as error:
            return error_response(error, request_id)
        except DatabaseError as error:
            _log.error("request %s: the database is unavailable: %s", request_id, error)
            return error_response(internal_error(request_id), request_id)

    async def _answer(self, request: HttpRequest, request_id: str) -> HttpResponse:
        principal = await self.authenticator.authenticate(request, self.clock())
        principal.require_data_exchange()
        match = _PATH.fullmatch(request.raw_path)
        job_id = match.group(1) if match is not None else ""
        job = await jobs.get(self.database, principal.scope, job_id)
        if job is None:
            raise ResourceNotFound(
                f"There is no job {job_id} in this account and Region.",
                resource_id=job_id,
                resource_type=ResourceType.JOB,
            )
        body: dict[str, object] = {"JobId": job.id, "State": job.state.value}
        run = await job_runs.get(self.database, job_id)
        if run is not None:
            planned, progress = run
            if planned:
                body |= {
                    "Items": progress.items,
                    "ItemsDone": progress.items_done,
                    "Bytes": progress.bytes,
                    "BytesDone": progress.bytes_done,
                }
        headers = ((b"content-type", b"application/json"), (b"x-amzn-requestid", request_id.encode()))
        return HttpResponse(200, headers, json.dumps(body).encode())
