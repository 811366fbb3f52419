"""What an account of the fuzz has and knows, as far as its own answers have told."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from tests.functional import flow
from tests.functional.accounts import Account, allow_bucket, new_account
from tests.functional.called_apis import granted, import_api
from tests.functional.clients import s3_client
from tests.servers.exchanges import Exchange

from entrepot.sigv4.signer import Signer
from entrepot.testing import S3Server

SHARED = "shared by its owner"
"""What receivers may read carries this text instead of the owner's mark."""
KEYS = tuple(f"objects/{number}.csv" for number in range(5))
SHARED_KEYS = ("shared/a.txt", "shared/deep/b.bin", "shared/c d+e.txt", "shared/größe.txt")
SECRET_KEYS = ("secret/x.txt", "sharedx.txt")


@dataclass(frozen=True, slots=True)
class Keys:
    """As `Signer` takes them."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """A signed URL that waits for what its job is to import."""

    job: str
    url: str
    md5: str
    content: bytes


@dataclass(slots=True)
class Belongings:
    """Of one account. Identifiers are as they are on the wire; one thread alone works for an account."""

    account: Account
    mark: str
    """Stands in all that this account alone may see."""
    bucket: str
    api: Signer
    s3: Signer
    known: dict[str, str]
    """Of all accounts together: whose an identifier is, by its mark."""
    offers: dict[str, list[str]]
    """Of all accounts together: ARNs of grants that wait, by the receiver."""
    shared: dict[str, str] = field(default_factory=dict)
    """DataSetId, RevisionId and AssetId of what is granted to the next account."""
    entitled: dict[str, str] = field(default_factory=dict)
    """The same of what the account was granted by the one before."""
    called_api: dict[str, str] = field(default_factory=dict)
    """An API of another account that may be called."""
    alias: str = ""
    """A bucket of another account, of which `shared/` may be read."""
    receiver: str = ""
    data_sets: list[str] = field(default_factory=list)
    open: list[tuple[str, str]] = field(default_factory=list)
    """Revisions of own data sets that take assets, each with its data set."""
    filled: list[tuple[str, str]] = field(default_factory=list)
    """Those of them that are known to have an asset."""
    finalized: list[tuple[str, str]] = field(default_factory=list)
    assets: list[tuple[str, str, str]] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    """Jobs that may be started."""
    jobs: list[str] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    event_actions: list[str] = field(default_factory=list)
    grants: list[tuple[str, str]] = field(default_factory=list)
    """Id and ARN."""
    received: list[str] = field(default_factory=list)
    """ARNs of grants that were accepted: those of the beginning, which stay, and the latest."""

    def text(self, data_set_id: str | None = None) -> str:
        """For names and descriptions; nothing private where others look."""
        is_shared = data_set_id in {self.shared["DataSetId"], self.entitled.get("DataSetId")}
        return SHARED if is_shared else f"{self.mark} of its owner"

    def learn(self, operation: str, asked: dict[str, Any], told: dict[str, Any]) -> None:
        """Takes from an answer what later requests may name."""
        match operation:
            case "CreateDataSet":
                self.data_sets.append(self._own(told["Id"]))
            case "CreateRevision" if told["DataSetId"] != self.shared["DataSetId"]:
                self.open.append((told["DataSetId"], self._own(told["Id"])))
            case "CreateJob":
                self._learn_job(told)
            case "CreateEventAction":
                self.event_actions.append(self._own(told["Id"]))
            case "CreateDataGrant":
                self.grants.append((told["Id"], told["Arn"]))
                self.offers.setdefault(told["ReceiverPrincipal"], []).append(told["Arn"])
            case "signed URL put":
                self.waiting.append(asked["JobId"])
            case "AcceptDataGrant":
                self.received = [*self.received[:3], told["Arn"]]
            case "GetJob" if url := told["Details"].get("ExportAssetToSignedUrl", {}).get("SignedUrl"):
                self.downloads = [*self.downloads[-20:], url]
            case "ListRevisionAssets":
                self._learn_assets(told["Assets"])
            case "UpdateRevision" if told["Finalized"] and (told["DataSetId"], told["Id"]) in self.open:
                self.forget(told["Id"])
                self.finalized = [*self.finalized[-40:], (told["DataSetId"], told["Id"])]

    def forget(self, identifier: str) -> None:
        """What was deleted, with all that was in it; or a revision that is no longer open."""
        for name in ("open", "filled", "finalized", "assets", "grants"):
            setattr(self, name, [entry for entry in getattr(self, name) if identifier not in entry])
        self.uploads = [upload for upload in self.uploads if upload.job != identifier]
        for name in ("data_sets", "waiting", "event_actions"):
            setattr(self, name, [entry for entry in getattr(self, name) if entry != identifier])

    def _own(self, identifier: str) -> str:
        self.known[identifier] = self.mark
        return identifier

    def _learn_job(self, job: dict[str, Any]) -> None:
        self.jobs = [*self.jobs[-50:], self._own(job["Id"])]
        upload = job["Details"].get("ImportAssetFromSignedUrl")
        if upload is None:
            self.waiting = [*self.waiting[-50:], job["Id"]]
        elif upload["Md5Hash"] == self.md5:
            waits = Upload(job["Id"], upload["SignedUrl"], self.md5, self.content)
            self.uploads = [*self.uploads[-20:], waits]

    def _learn_assets(self, assets: list[dict[str, Any]]) -> None:
        for asset in assets:
            place = asset["DataSetId"], asset["RevisionId"]
            if place in self.open:
                self._own(asset["Id"])
                if place not in self.filled:
                    self.filled.append(place)
                if (*place, asset["Id"]) not in self.assets:
                    self.assets = [*self.assets[-50:], (*place, asset["Id"])]

    @property
    def content(self) -> bytes:
        """What the account uploads."""
        return f"{self.mark}\n".encode() * 50

    @property
    def md5(self) -> str:
        return _md5(self.content)


def _md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content).digest()).decode()


@contextmanager
def settled(exchange: Exchange, storage: S3Server, count: int) -> Iterator[list[Belongings]]:
    """So many accounts in a ring: each grants the next one files, an API, and a part of its bucket."""
    known: dict[str, str] = {}
    offers: dict[str, list[str]] = {}
    with ExitStack() as stack:
        s3 = s3_client(storage)
        stack.callback(s3.close)
        made = []
        for _ in range(count):
            account = new_account(exchange, "fuzz")
            stack.callback(account.client.close)
            made.append(_settle(exchange, account, s3, known, offers))
        for number, owner in enumerate(made):
            _grant(owner, made[(number + 1) % count])
        yield made


def _settle(
    exchange: Exchange, account: Account, s3: Any, known: dict[str, str], offers: dict[str, list[str]]
) -> Belongings:
    mark, keys = f"mark-{token_hex(8)}", Keys(account.access_key_id, account.secret_access_key)
    bucket = f"fuzz-{token_hex(4)}"
    s3.create_bucket(Bucket=bucket)
    for key in (*KEYS, *SECRET_KEYS):
        s3.put_object(Bucket=bucket, Key=key, Body=f"{mark} {key}".encode(), Metadata={"origin": mark})
    for key in SHARED_KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=SHARED.encode() * 40)
    allow_bucket(exchange, account, bucket, "--read", "--write")
    signers = [Signer(keys, region="us-east-1", service=service) for service in ("dataexchange", "s3")]
    made = Belongings(account, mark, bucket, signers[0], signers[1], known, offers)
    client, place = account.client, flow.open_revision(account.client, SHARED)
    flow.import_by_signed_url(client, place, SHARED, SHARED.encode())
    client.update_revision(**place, Finalized=True)
    made.shared = {**place, "AssetId": flow.assets(client, place)[0]["Id"]}
    for identifier in made.shared.values():
        known[identifier] = mark
    own = client.create_data_set(AssetType="S3_SNAPSHOT", Name=mark, Description=mark)
    revision = client.create_revision(DataSetId=own["Id"], Comment=mark)
    made.learn("CreateDataSet", {}, own)
    made.learn("CreateRevision", {}, revision)
    place = {"DataSetId": own["Id"], "RevisionId": revision["Id"]}
    flow.import_objects(client, place, bucket, list(KEYS))
    made.learn("ListRevisionAssets", {}, client.list_revision_assets(**place))
    return made


def _grant(owner: Belongings, receiver: Belongings) -> None:
    mine, theirs = owner.account, receiver.account
    owner.receiver = theirs.id
    receiver.entitled = granted(mine, theirs, owner.shared["DataSetId"])
    api = import_api(mine)
    mine.client.update_revision(**_place(api), Finalized=True)
    receiver.called_api = granted(mine, theirs, api["DataSetId"])
    live = mine.client.create_data_set(AssetType="S3_DATA_ACCESS", Name=SHARED, Description=SHARED)
    place = {
        "DataSetId": live["Id"],
        "RevisionId": mine.client.create_revision(DataSetId=live["Id"])["Id"],
    }
    job = flow.run_job(
        mine.client,
        "CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET",
        CreateS3DataAccessFromS3Bucket={
            "AssetSource": {"Bucket": owner.bucket, "KeyPrefixes": ["shared/"]},
            **place,
        },
    )
    assert job["State"] == "COMPLETED", job
    mine.client.update_revision(**place, Finalized=True)
    access = theirs.client.get_asset(**granted(mine, theirs, live["Id"]))
    receiver.alias = access["AssetDetails"]["S3DataAccessAsset"]["S3AccessPointAlias"]
    received = theirs.client.list_received_data_grants()["DataGrantSummaries"]
    receiver.received = [grant["Arn"] for grant in received]
    for ids in (api, place):
        for identifier in ids.values():
            owner.known[identifier] = owner.mark


def _place(ids: dict[str, str]) -> dict[str, str]:
    return {name: ids[name] for name in ("DataSetId", "RevisionId")}
