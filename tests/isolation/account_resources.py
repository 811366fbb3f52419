"""What an account has, made through the API alone: the same in-process and over HTTP."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

_ID = re.compile(r"[0-9a-f]{32}")
BUCKET = "target"
"""A bucket that every account may write to."""
NOBODY = "999999999999"
"""An account that never does anything."""


class Refused(Exception):
    """An answer that is one of the modelled errors."""

    def __init__(self, code: str, members: Mapping[str, Any]) -> None:
        super().__init__(f"{code}: {members.get('Message')}")
        self.code = code
        self.members = members
        """As they are on the wire: Message, ResourceId, ResourceType, …"""


class Client(Protocol):
    """Calls operations for one account in one Region."""

    account_id: str
    region: str

    async def call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer as JSON has it, {} where there is none. Raises `Refused`."""
        ...


PutAsset = Callable[[Client, Mapping[str, str], str], Awaitable[None]]
"""Puts an asset of that name into the revision that the keywords DataSetId and RevisionId name."""


@dataclass(frozen=True)
class AccountResources:
    """One of everything that can be named."""

    account_id: str
    region: str
    data_set: str
    data_set_arn: str
    revision: str
    revision_arn: str
    asset: str
    asset_arn: str
    job: str
    event_action: str
    event_action_arn: str
    data_grant: str
    data_grant_arn: str
    entitled_data_set: str
    """What somebody else granted to the account, and it accepted."""
    received_data_grant_arn: str
    """What was granted to the account, and it has not accepted yet."""
    secrets: tuple[str, ...] = ()
    """Texts that only the account knows: names, comments, tags."""

    @property
    def datashare_arn(self) -> str:
        """A datashare that the account may have somewhere else."""
        namespace = "6d2b1d5e-1111-2222-3333-444444444444"
        return f"arn:aws:redshift:{self.region}:{self.account_id}:datashare:{namespace}/share"

    @property
    def role_arn(self) -> str:
        """A role that the account may have somewhere else."""
        return f"arn:aws:iam::{self.account_id}:role/lake-formation"

    def which_are_nowhere(self) -> AccountResources:
        """The same with identifiers that nothing has; accounts and Regions in ARNs stay."""
        return self._with(lambda text: _ID.sub(_of_nothing, text))

    def forged_for(self, other: AccountResources) -> AccountResources:
        """The same, where the ARNs name the other's account and Region."""
        own = f":{self.region}:{self.account_id}:"
        return self._with(lambda text: text.replace(own, f":{other.region}:{other.account_id}:"))

    def as_granted(
        self, data_set: Mapping[str, Any], revision: Mapping[str, Any], asset: Mapping[str, Any]
    ) -> AccountResources:
        """The same, where data set, revision and asset are the entitled ones that these answers describe."""
        return replace(
            self,
            data_set=data_set["Id"],
            data_set_arn=data_set["Arn"],
            revision=revision["Id"],
            revision_arn=revision["Arn"],
            asset=asset["Id"],
            asset_arn=asset["Arn"],
            entitled_data_set=data_set["Id"],
        )

    def _with(self, change: Callable[[str], str]) -> AccountResources:
        names = [
            field.name for field in fields(self) if field.name not in {"account_id", "region", "secrets"}
        ]
        return replace(self, **{name: change(getattr(self, name)) for name in names})

    @property
    def identifiers(self) -> frozenset[str]:
        """All identifiers of what the account itself has made."""
        made = (self.data_set, self.revision, self.asset, self.job, self.event_action, self.data_grant)
        return frozenset(made)


async def settle(client: Client, supplier: Client, goods: str, put_asset: PutAsset) -> AccountResources:
    """Gives the account one of everything.

    `goods` is a published data set of the supplier, who grants it twice: one grant is accepted.
    """
    label = f"of {client.account_id} in {client.region}"
    tags = {"team": f"team {label}"}
    data_set = await client.call(
        "CreateDataSet",
        {"AssetType": "S3_SNAPSHOT", "Name": f"name {label}", "Description": f"text {label}", "Tags": tags},
    )
    of_data_set = {"DataSetId": data_set["Id"]}
    revision = await client.call(
        "CreateRevision", {**of_data_set, "Comment": f"comment {label}", "Tags": tags}
    )
    place = {**of_data_set, "RevisionId": revision["Id"]}
    await put_asset(client, place, f"asset {label}")
    (asset,) = (await client.call("ListRevisionAssets", place))["Assets"]
    await client.call("UpdateRevision", {**place, "Finalized": True})
    export = {"ExportAssetToSignedUrl": {**place, "AssetId": asset["Id"]}}
    job = await client.call("CreateJob", {"Type": "EXPORT_ASSET_TO_SIGNED_URL", "Details": export})
    grant = await client.call("CreateDataGrant", grant_request(data_set["Id"], NOBODY) | {"Tags": tags})
    accepted, pending = [
        await supplier.call("CreateDataGrant", grant_request(goods, client.account_id)) for _ in range(2)
    ]
    await client.call("AcceptDataGrant", {"DataGrantArn": accepted["Arn"]})
    event_action = await client.call("CreateEventAction", event_action_request(accepted["DataSetId"]))
    return AccountResources(
        account_id=client.account_id,
        region=client.region,
        data_set=data_set["Id"],
        data_set_arn=data_set["Arn"],
        revision=revision["Id"],
        revision_arn=revision["Arn"],
        asset=asset["Id"],
        asset_arn=asset["Arn"],
        job=job["Id"],
        event_action=event_action["Id"],
        event_action_arn=event_action["Arn"],
        data_grant=grant["Id"],
        data_grant_arn=grant["Arn"],
        entitled_data_set=accepted["DataSetId"],
        received_data_grant_arn=pending["Arn"],
        secrets=(label,),
    )


async def goods_of(supplier: Client, put_asset: PutAsset) -> str:
    """A published data set that others can be granted."""
    data_set = await supplier.call(
        "CreateDataSet", {"AssetType": "S3_SNAPSHOT", "Name": "Goods", "Description": "For everyone"}
    )
    place = {"DataSetId": data_set["Id"]}
    revision = await supplier.call("CreateRevision", place)
    place["RevisionId"] = revision["Id"]
    await put_asset(supplier, place, "goods.csv")
    await supplier.call("UpdateRevision", {**place, "Finalized": True})
    identifier: str = data_set["Id"]
    return identifier


async def as_seen(viewer: Client, owner: AccountResources, data_set_id: str) -> AccountResources:
    """The owner's belongings by the names that they have in an entitled data set, which the viewer sees."""
    of_data_set = {"DataSetId": data_set_id}
    data_set = await viewer.call("GetDataSet", of_data_set)
    (revision,) = (await viewer.call("ListDataSetRevisions", of_data_set))["Revisions"]
    place = {**of_data_set, "RevisionId": revision["Id"]}
    (asset,) = (await viewer.call("ListRevisionAssets", place))["Assets"]
    return owner.as_granted(data_set, revision, asset)


def grant_request(data_set_id: str, receiver_id: str, **more: Any) -> dict[str, Any]:
    """Of CreateDataGrant."""
    return {
        "Name": "for you",
        "GrantDistributionScope": "NONE",
        "ReceiverPrincipal": receiver_id,
        "SourceDataSetId": data_set_id,
        **more,
    }


def event_action_request(data_set_id: str) -> dict[str, Any]:
    """Of CreateEventAction."""
    return {
        "Event": {"RevisionPublished": {"DataSetId": data_set_id}},
        "Action": {"ExportRevisionToS3": {"RevisionDestination": {"Bucket": BUCKET}}},
    }


def _of_nothing(match: re.Match[str]) -> str:
    return hashlib.sha256(b"nowhere" + match.group().encode()).hexdigest()[:32]
