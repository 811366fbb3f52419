"""What jobs, operations and `access` ask of the services outside, without knowing how they are reached.

A port that is None is not configured: whoever needs it says so, and names the setting.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Outside:
    """The services that this installation reaches."""
