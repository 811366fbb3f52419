"""The open connections of a server: not more than fit, not all of one address, and those that wait give way.

A connection costs a descriptor or two, and a process that has none left can answer nobody: it cannot even
accept and refuse. So connections are counted below that limit. Where there are as many as may be, the one
that has been idle for longest makes room; where none is idle, the newcomer is told to come back.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

_MOST = 10_000
_SPARE_DESCRIPTORS = 128
"""For the database, the listener, the workers' pipes, libraries and logs."""
_DESCRIPTORS_OF_ONE = 2
"""Its socket, and the file or the provider's connection that it moves bytes from or to."""
_LOG_SECONDS = 60.0

_log = logging.getLogger(__name__)


class OpenConnection(Protocol):
    def is_idle(self) -> bool:
        """Whether no request is being answered on it."""

    def make_room(self) -> None:
        """Ends it at once."""


class Connections:
    """Used on one event loop."""

    def __init__(
        self,
        *,
        most: int,
        most_of_address: int,
        descriptors: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`descriptors` is the limit that the other two follow from, for the log."""
        self.most = most
        self.most_of_address = most_of_address
        self._descriptors = descriptors
        self._clock = clock
        self._open: dict[OpenConnection, str] = {}
        """With their addresses; the longest idle come first."""
        self._of_addresses: Counter[str] = Counter()
        self._cut: Counter[str] = Counter()
        self._since_logged = 0
        self._logged_at: float | None = None

    @classmethod
    def within(cls, descriptors: int) -> Connections:
        """As many as a process with so many descriptors can hold."""
        most = min(_MOST, max(1, (descriptors - _SPARE_DESCRIPTORS) // _DESCRIPTORS_OF_ONE))
        return cls(most=most, most_of_address=max(1, most // 2), descriptors=descriptors)

    @property
    def count(self) -> int:
        return len(self._open)

    @property
    def cut(self) -> Mapping[str, int]:
        """How many were cut or refused so far, by reason."""
        return self._cut

    def admit(self, connection: OpenConnection, address: str) -> bool:
        """Counts a new connection, perhaps in place of an idle one; False where it has to be refused."""
        if self._of_addresses[address] >= self.most_of_address:
            admitted = self._make_room(address)
        else:
            admitted = len(self._open) < self.most or self._make_room(None)
        if admitted:
            self._open[connection] = address
            self._of_addresses[address] += 1
        else:
            self._count_cut("refused")
        return admitted

    def used(self, connection: OpenConnection) -> None:
        """A request on it was answered: it is the last that makes room."""
        if connection in self._open:
            self._open[connection] = self._open.pop(connection)

    def closed(self, connection: OpenConnection) -> None:
        address = self._open.pop(connection, None)
        if address is not None:
            self._of_addresses[address] -= 1
            if not self._of_addresses[address]:
                del self._of_addresses[address]

    def too_slow(self) -> None:
        """A connection was cut, since its client did not finish what it had begun."""
        self._cut["slow"] += 1

    def _make_room(self, address: str | None) -> bool:
        """Ends the connection of that address, or of any, that has been idle for longest."""
        for connection, its_address in self._open.items():
            if address in (None, its_address) and connection.is_idle():
                self.closed(connection)
                connection.make_room()
                self._count_cut("idle")
                return True
        return False

    def _count_cut(self, reason: str) -> None:
        self._cut[reason] += 1
        self._since_logged += 1
        now = self._clock()
        if self._logged_at is not None and now - self._logged_at < _LOG_SECONDS:
            return
        because = "" if self._descriptors is None else f", with a limit of {self._descriptors} open files"
        _log.warning(
            "as many connections are open as may be (%d in all, %d of one address%s): %d idle ones were "
            "closed, or new ones refused, since this was last said. Raise the limit (ulimit -Hn) if clients "
            "need more",
            self.most,
            self.most_of_address,
            because,
            self._since_logged,
        )
        self._logged_at, self._since_logged = now, 0
