"""Amazon Resource Names of this service: `arn:{partition}:dataexchange:{region}:{account}:{resource}`.

Owned resources carry the owner's account; entitled ones an empty field (behaviour reference, section 1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from entrepot.domain.scope import Scope

_ARN = re.compile(r"arn:([a-z0-9-]+):dataexchange:([a-z0-9-]+):(\d{12})?:(.+)", re.ASCII)
_ID = r"([a-zA-Z0-9]{30,40})"
_RESOURCES = {
    "data_set": re.compile(rf"data-sets/{_ID}"),
    "revision": re.compile(rf"data-sets/{_ID}/revisions/{_ID}"),
    "asset": re.compile(rf"data-sets/{_ID}/revisions/{_ID}/assets/{_ID}"),
    "job": re.compile(rf"jobs/{_ID}"),
    "event_action": re.compile(rf"event-actions/{_ID}"),
    "data_grant": re.compile(rf"data-grants/{_ID}"),
}


@dataclass(frozen=True, slots=True)
class Arn:
    """A parsed ARN: its kind (`data_set`, `revision`, `asset`, `job`, …) and its ids, outermost first."""

    partition: str
    region: str
    account_id: str
    kind: str
    ids: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Arn:
        """Raises `ValueError` when the text is no ARN of a resource of this service."""
        match = _ARN.fullmatch(text)
        if match is not None:
            partition, region, account_id, resource = match.groups()
            for kind, pattern in _RESOURCES.items():
                found = pattern.fullmatch(resource)
                if found is not None:
                    return cls(partition, region, account_id or "", kind, found.groups())
        raise ValueError(f"{text!r} is not the ARN of an AWS Data Exchange resource")


def _arn(scope: Scope, resource: str) -> str:
    """The ARN of a resource; of an entitled one when the scope is without account."""
    return f"arn:{scope.partition}:dataexchange:{scope.region}:{scope.account_id}:{resource}"


def data_set_arn(scope: Scope, data_set_id: str) -> str:
    return _arn(scope, f"data-sets/{data_set_id}")


def revision_arn(scope: Scope, data_set_id: str, revision_id: str) -> str:
    return _arn(scope, f"data-sets/{data_set_id}/revisions/{revision_id}")


def asset_arn(scope: Scope, data_set_id: str, revision_id: str, asset_id: str) -> str:
    return _arn(scope, f"data-sets/{data_set_id}/revisions/{revision_id}/assets/{asset_id}")


def data_grant_arn(sender: Scope, grant_id: str) -> str:
    """The ARN of a data grant; it names the sender's account, whoever looks."""
    return _arn(sender, f"data-grants/{grant_id}")


def event_action_arn(scope: Scope, event_action_id: str) -> str:
    return _arn(scope, f"event-actions/{event_action_id}")


def job_arn(scope: Scope, job_id: str) -> str:
    return _arn(scope, f"jobs/{job_id}")
