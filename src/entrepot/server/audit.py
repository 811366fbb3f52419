"""Logs and counts every answered request of the API, and tells the workers of a started job."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from entrepot.wire.pipeline import AuditEntry, LogAuditSink

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of one server; each is a plain addition, so that counting costs a request nothing."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._received_bytes = 0
        self._sent_bytes = 0
        self._gauges: list[tuple[str, str, Callable[[], float]]] = []
        self._counts: list[tuple[str, str, Mapping[str, int]]] = []

    def gauge(self, name: str, explanation: str, read: Callable[[], float]) -> None:
        """Shows what this process knows of itself; `read` is called at each look."""
        self._gauges.append((name, explanation, read))

    def count(self, name: str, explanation: str, counts: Mapping[str, int]) -> None:
        """Shows what this process counts by reason."""
        self._counts.append((name, explanation, counts))

    def request(self, operation: str, status: int, seconds: float) -> None:
        """One answered request; `operation` is one of a bounded set of names."""
        self._requests[operation, status] += 1
        self._seconds[operation] += seconds

    def received(self, size_bytes: int) -> None:
        """Bytes of objects that came in by signed URLs."""
        self._received_bytes += size_bytes

    def sent(self, size_bytes: int) -> None:
        """Bytes of objects that went out by signed URLs and the S3 gateway."""
        self._sent_bytes += size_bytes

    def render(self, gauges: Mapping[str, float]) -> bytes:
        """The metrics as Prometheus reads them; `gauges` are what only the database knows, by name."""
        counts: defaultdict[str, int] = defaultdict(int)
        for (operation, _), count in self._requests.items():
            counts[operation] += count
        lines: list[str] = []
        lines += _metric(
            "entrepot_info", "gauge", "The version that runs.", [({"version": self._version}, 1)]
        )
        lines += _metric(
            "entrepot_requests_total",
            "counter",
            "Answered requests by operation and status.",
            [
                ({"operation": operation, "status": str(status)}, count)
                for (operation, status), count in sorted(self._requests.items())
            ],
        )
        lines += [
            "# HELP entrepot_request_seconds How long answering took.",
            "# TYPE entrepot_request_seconds summary",
        ]
        for operation, seconds in sorted(self._seconds.items()):
            labels = {"operation": operation}
            lines.append(_sample("entrepot_request_seconds_sum", labels, seconds))
            lines.append(_sample("entrepot_request_seconds_count", labels, counts[operation]))
        lines += _metric(
            "entrepot_object_bytes_total",
            "counter",
            "Bytes of objects moved by signed URLs and the S3 gateway.",
            [({"direction": "received"}, self._received_bytes), ({"direction": "sent"}, self._sent_bytes)],
        )
        for name, explanation, read in self._gauges:
            lines += _metric(f"entrepot_{name}", "gauge", explanation, [({}, read())])
        for name, explanation, by_reason in self._counts:
            samples = [({"reason": reason}, count) for reason, count in sorted(by_reason.items())]
            lines += _metric(f"entrepot_{name}", "counter", explanation, samples)
        for name, value in gauges.items():
            lines += _metric(
                f"entrepot_{name}", "gauge", "Read from the database at this moment.", [({}, value)]
            )
        return "".join(line + "\n" for line in lines).encode()


def _metric(
    name: str, kind: str, explanation: str, samples: Iterable[tuple[Mapping[str, str], float]]
) -> list[str]:
    return [
        f"# HELP {name} {explanation}",
        f"# TYPE {name} {kind}",
        *(_sample(name, labels, value) for labels, value in samples),
    ]


def _sample(name: str, labels: Mapping[str, str], value: float) -> str:
    text = ",".join(f'{label}="{_escaped(content)}"' for label, content in labels.items())
    return f"{name}{{{text}}} {value}" if text else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


UNKNOWN_OPERATION = "unknown"
"""How metrics name a request that matches no operation: paths of strangers must not become labels."""


class ServerAudit:
    def __init__(self, metrics: Metrics, job_started: Callable[[], None]) -> None:
        self._metrics = metrics
        self._job_started = job_started
        self._log = LogAuditSink()

    def record(self, entry: AuditEntry) -> None:
        self._metrics.request(
            entry.operation or UNKNOWN_OPERATION, entry.status, entry.duration_us / 1_000_000
        )
        self._log.record(entry)
        if entry.operation == "StartJob" and entry.status < 300:
            self._job_started()
