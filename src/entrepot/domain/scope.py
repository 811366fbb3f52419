"""Whose, and where: the account and Region that isolate everything.

What belongs to another scope does not exist for you; every query of the database carries one.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    account_id: str
    """Twelve digits; empty in `without_account` alone."""
    region: str
    partition: str = "aws"

    def without_account(self) -> Scope:
        """The scope of the ARNs of what somebody was granted: they name no account."""
        return Scope("", self.region, self.partition)
