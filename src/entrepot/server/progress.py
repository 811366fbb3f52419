"""`GET /entrepot/jobs/{id}/progress`: how far a job is. AWS has no such call, so it is not under `/v1`.

    {"JobId": …, "State": …, "Items": 12, "ItemsDone": 7, "Bytes": 1048576, "BytesDone": 524288}

The counts are there once the job has its plan, and until it has ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from entrepot.http.messages import HttpRequest
from entrepot.operations.context import Context
from entrepot.operations.jobs import job_progress
from entrepot.server.own_routes import Gone

_PATH = re.compile(r"/entrepot/jobs/([a-zA-Z0-9]{1,64})/progress")


class ProgressRoute:
    """Answers the route."""

    @property
    def name(self) -> str:
        """See `OwnRoute`."""
        return "GetJobProgress"

    def matches(self, method: str, raw_path: str) -> bool:
        """See `OwnRoute`."""
        return method == "GET" and _PATH.fullmatch(raw_path) is not None

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """See `OwnRoute`. Raises `ResourceNotFound` for a job that the account does not have."""
        match = _PATH.fullmatch(request.raw_path)
        job, progress = await job_progress(context, match.group(1) if match is not None else "")
        body: dict[str, object] = {"JobId": job.id, "State": job.state.value}
        if progress is not None:
            body |= {
                "Items": progress.items,
                "ItemsDone": progress.items_done,
                "Bytes": progress.bytes,
                "BytesDone": progress.bytes_done,
            }
        return body
