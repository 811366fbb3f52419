"""What a run has done so far: counted here, shown while it goes on, and summed up at its end."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field

from entrepot.cli.jobs.progress_display import ProgressDisplay, ProgressLine, Severity
from entrepot.client.job_following import Counts

SHOWN_FAILURES = 20
"""How many failures are told one by one; the rest is counted."""


@dataclass(slots=True)
class RunSummary:
    """Counts of one run. Threads may tell of failures and bytes; everything else belongs to one thread."""

    verb: str
    display: ProgressDisplay
    assets: int = 0
    """How many are to be there at the end."""
    bytes: int = 0
    assets_done: int = 0
    """There already, or moved by this run."""
    bytes_done: int = 0
    skipped: int = 0
    removed: int = 0
    jobs: int = 0
    jobs_done: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    """What failed, and why."""
    _moving: dict[object, tuple[int, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def failed(self) -> int:
        return len(self.failures)

    def skip(self, assets: int, size_bytes: int) -> None:
        self.skipped += assets
        self.assets_done += assets
        self.bytes_done += size_bytes

    def done(self, key: object, assets: int, size_bytes: int) -> None:
        self.settle(key)
        self.assets_done += assets
        self.bytes_done += size_bytes

    def fail(self, name: str, reason: str) -> None:
        with self._lock:
            self.failures.append((name, reason))
            count = len(self.failures)
        if count <= SHOWN_FAILURES:
            self.note(f"{self.verb}: {name}: {reason}")
        elif count == SHOWN_FAILURES + 1:
            self.note(f"{self.verb}: more failures follow; they are in the summary.")

    def note(self, text: str) -> None:
        self.display.note(text)

    def moving(self, key: object, bytes_so_far: int, assets_so_far: int = 0) -> None:
        """Notes how much of what moves under the key has moved by now."""
        with self._lock:
            self._moving[key] = bytes_so_far, assets_so_far

    def settle(self, key: object) -> None:
        with self._lock:
            self._moving.pop(key, None)

    def show(self, doing: str, running: int = 0) -> None:
        """Shows what is being done, how far it is, and how many jobs run for it."""
        with self._lock:
            moving = list(self._moving.values())
        bytes_done = min(self.bytes, self.bytes_done + sum(size_bytes for size_bytes, _ in moving))
        assets_done = min(self.assets, self.assets_done + sum(assets for _, assets in moving))
        counts = Counts(self.assets, assets_done, self.bytes, bytes_done) if self.assets else None
        jobs = f"{running} job{'' if running == 1 else 's'}" if running else ""
        severity = Severity.WARNING if self.failures else Severity.UNDER_WAY
        # A live line has little room; elsewhere a status that changes all the time would be a line each time.
        status, detail = (jobs or doing, "") if self.display.is_live else (doing, jobs)
        self.display.show([ProgressLine(self.verb, status, counts, severity, detail)])
