"""Beside every answered request of the API: it is logged, counted, and a started job is passed on."""

from __future__ import annotations

from collections.abc import Callable

from entrepot.server.metrics import Metrics
from entrepot.wire.pipeline import AuditEntry, LogAuditSink

UNKNOWN_OPERATION = "unknown"
"""How metrics name a request that matches no operation: paths of strangers must not become labels."""


class ServerAudit:
    """The server's audit sink."""

    def __init__(self, metrics: Metrics, job_started: Callable[[], None]) -> None:
        self._metrics = metrics
        self._job_started = job_started
        self._log = LogAuditSink()

    def record(self, entry: AuditEntry) -> None:
        """Takes one answered request."""
        self._metrics.request(
            entry.operation or UNKNOWN_OPERATION, entry.status, entry.duration_us / 1_000_000
        )
        self._log.record(entry)
        if entry.operation == "StartJob" and entry.status < 300:
            self._job_started()
