"""`GET /entrepot/jobs/{id}/progress`: how far a job is. AWS has no such call, so it is not under `/v1`.

    {"JobId": …, "State": …, "Items": 12, "ItemsDone": 7, "Bytes": 1048576, "BytesDone": 524288}

The counts are there once the job has its plan, and until it has ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from entrepot.database import job_runs, jobs
from entrepot.database.connection import Database
from entrepot.domain.errors import ResourceNotFound, ResourceType
from entrepot.domain.scope import Scope
from entrepot.server.own_routes import Gone
from entrepot.wire.request import HttpRequest

_PATH = re.compile(r"/entrepot/jobs/([a-zA-Z0-9]{1,64})/progress")


@dataclass(frozen=True, slots=True)
class ProgressRoute:
    """Answers the route."""

    database: Database

    @property
    def name(self) -> str:
        """See `OwnRoute`."""
        return "GetJobProgress"

    def matches(self, method: str, raw_path: str) -> bool:
        """See `OwnRoute`."""
        return method == "GET" and _PATH.fullmatch(raw_path) is not None

    async def answer(self, scope: Scope, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """See `OwnRoute`. Raises `ResourceNotFound` for a job that the account does not have."""
        match = _PATH.fullmatch(request.raw_path)
        job_id = match.group(1) if match is not None else ""
        job = await jobs.get(self.database, scope, job_id)
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
        return body
