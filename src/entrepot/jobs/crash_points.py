"""The lines of a job's life after which a crash is worth a test.

The runner says `at(point)` there. In a server nothing listens; a test ends the process on that very line,
with nothing flushed and nothing closed, and lets another process find what is left.
"""

from __future__ import annotations

from enum import Enum, auto


class CrashPoint(Enum):
    """Where a process may die."""

    PLAN_RECORDED = auto()
    """The plan is durable; no byte has moved."""
    ITEM_MOVED = auto()
    """The bytes of an item have arrived; nothing says so yet."""
    CHECKPOINT_RECORDED = auto()
    """How far a multipart upload is, is durable; the upload is not finished."""
    ITEMS_RECORDED = auto()
    """The results of a batch of items are durable; others are missing."""
    BEFORE_FINISH = auto()
    """Every byte has arrived; the final transaction has not begun."""
    INSIDE_FINISH = auto()
    """The final transaction has written everything, and has not been committed."""
    AFTER_FINISH = auto()
    """The job is COMPLETED and its assets are visible."""
    BEFORE_FAILURE = auto()
    """The job is going to end in ERROR or TIMED_OUT; nothing says so yet."""
    AFTER_FAILURE = auto()
    """The job has ended in ERROR or TIMED_OUT; what it wrote is garbage that still lies there."""
    GARBAGE_DELETED = auto()
    """The sweep has deleted bytes; the list still names them."""


def nothing(point: CrashPoint) -> None:
    """Does nothing: what a server does at a crash point."""
