"""What this version does not do yet, said in one way."""

from __future__ import annotations

from entrepot.domain.errors import ValidationFailed


def not_offered(operation: str) -> ValidationFailed:
    """The error for an operation of the API that this version refuses whatever the request says."""
    return ValidationFailed(
        f"{operation} is not available in this version of Entrepot. "
        "Data sets, revisions, assets, jobs and tags are; see the changelog for what came since."
    )
