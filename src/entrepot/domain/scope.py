"""Whose, and where: the account and Region that isolate everything.

What belongs to another scope does not exist for you; every query of the database carries one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """One account in one Region."""

    account_id: str
    region: str
    partition: str = "aws"
