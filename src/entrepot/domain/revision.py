"""Revisions: versions of a data set, open while assets are added, then finalized, perhaps revoked.

    open ⇄ finalized → revoked        (un-finalizing is possible until a revision is published to somebody)

The rules raise the modelled error at once; where the service's own answer is not known, the choice is marked
[G] and kept here (behaviour reference, section 4.2).
"""

from __future__ import annotations

from dataclasses import dataclass

from entrepot.domain.errors import Conflict, ResourceType, ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of a data set, as an account sees it."""

    scope: Scope
    """Of its ARN: the owner's; without account where it is entitled."""
    data_set_id: str
    id: str
    created_at: Timestamp
    updated_at: Timestamp
    comment: str | None = None
    finalized: bool = False
    revocation_comment: str | None = None
    revoked_at: Timestamp | None = None
    source_id: str | None = None
    """The owned revision behind an entitled one; only its owner is told."""

    @property
    def revoked(self) -> bool:
        """Whether RevokeRevision was called; it cannot be undone."""
        return self.revoked_at is not None


def _conflict(revision: Revision, message: str) -> Conflict:
    return Conflict(message, resource_id=revision.id, resource_type=ResourceType.REVISION)


def require_open(revision: Revision, action: str) -> None:
    """Raises `Conflict` unless assets may still be added to, renamed in or taken from the revision."""
    if revision.revoked:
        raise _conflict(revision, f"Revision {revision.id} is revoked; {action} is no longer possible.")
    if revision.finalized:
        raise _conflict(
            revision,
            f"Revision {revision.id} is finalized; {action} needs a revision that is not. "
            "Set Finalized to false by UpdateRevision, or create another revision.",
        )


def require_assets_removable(revision: Revision) -> None:
    """Raises `Conflict` unless assets may be deleted: in open and in revoked revisions they may."""
    if not revision.revoked:
        require_open(revision, "deleting an asset")


def require_updatable(revision: Revision, *, comment: str | None, finalized: bool | None) -> None:
    """Raises `Conflict` where UpdateRevision may not make the change.

    A revoked revision stays as it is [G]. The comment of a finalized one can only change together with
    un-finalizing it [L: clients un-finalize first]; an equal comment is no change.
    """
    changes_comment = comment is not None and comment != revision.comment
    if revision.revoked and (changes_comment or (finalized is not None and finalized != revision.finalized)):
        raise _conflict(revision, f"Revision {revision.id} is revoked and can no longer be changed.")
    if revision.finalized and changes_comment and finalized is not False:
        raise _conflict(
            revision, f"Revision {revision.id} is finalized; set Finalized to false to change its comment."
        )


def require_finalizable(revision: Revision, asset_count: int) -> None:
    """Raises `ValidationFailed` when the revision holds no asset."""
    if asset_count == 0:
        raise ValidationFailed(
            f"Revision {revision.id} has no assets; import at least one before you finalize it."
        )


def require_revocable(revision: Revision) -> None:
    """Raises `Conflict` unless the revision is finalized.

    Revoking again replaces the comment [L]. Whether the service also wants the revision to be published is
    not documented; here it need not be [G].
    """
    if not revision.finalized:
        raise _conflict(
            revision, f"Revision {revision.id} is not finalized; only a finalized revision can be revoked."
        )
