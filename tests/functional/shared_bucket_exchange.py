"""An exchange in which a provider shares a part of a bucket with a receiver, and a stranger looks on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from secrets import token_hex
from typing import Any

from tests.functional import flow
from tests.functional.accounts import Account, allow_bucket, new_account
from tests.functional.clients import client, s3_client
from tests.servers.exchanges import Exchange

from entrepot.testing import S3Server

KIND = "CREATE_S3_DATA_ACCESS_FROM_S3_BUCKET"


def parquet() -> bytes:
    """A table of the numbers below ten thousand."""
    import pyarrow as pa
    from pyarrow import parquet as pq

    file = io.BytesIO()
    pq.write_table(pa.table({"n": pa.arange(0, 10_000)}), file)  # a `range` would load pandas
    return file.getvalue()


OBJECTS = {
    "catalog.csv": b"name,size\nluna,1\nsol,2\n",
    "shared/a.txt": b"the first",
    "shared/deep/b.bin": bytes(range(256)) * 20_000,
    "shared/deep/c d+e%2F.txt": b"an odd name",
    "shared/größe.txt": b"umlauts",
    "shared/tables/numbers.parquet": parquet(),
    "secret/x.txt": b"not for you",
    "sharedx.txt": b"nor this",
}
SHARED = {key: body for key, body in OBJECTS.items() if key.startswith("shared/") or key == "catalog.csv"}
LARGE = "shared/deep/b.bin"


@dataclass(frozen=True, slots=True)
class Place:
    """The exchange, its accounts, and what the provider shares."""

    server: Exchange
    storage: S3Server
    bucket: str
    provider: Account
    receiver: Account
    stranger: Account
    data_set: dict[str, str]
    """Ids of data set and revision, which shares `shared/` and `catalog.csv`."""
    aliases: dict[str, str]
    """By account: the provider's own alias, and the receiver's."""
    s3: Callable[..., Any]

    moto_url: str
    """Where KMS is."""

    def own_asset(self, where: dict[str, str]) -> dict[str, Any]:
        return access_of(self.provider, where)

    def share(self, where: dict[str, str], **source: Any) -> dict[str, Any]:
        """The job that makes an asset in an open revision."""
        details = {"AssetSource": {"Bucket": self.bucket, **source}, **where}
        return flow.run_job(self.provider.client, KIND, CreateS3DataAccessFromS3Bucket=details)

    def new_data_set(self, **source: Any) -> dict[str, str]:
        """A data set with one finalized revision."""
        client = self.provider.client
        made = client.create_data_set(AssetType="S3_DATA_ACCESS", Name="live", Description="where it is")
        return self.new_revision(made["Id"], **source)

    def new_revision(self, data_set_id: str, **source: Any) -> dict[str, str]:
        client = self.provider.client
        where = {"DataSetId": data_set_id, "RevisionId": client.create_revision(DataSetId=data_set_id)["Id"]}
        job = self.share(where, **source)
        assert job["State"] == "COMPLETED", job.get("Errors")
        client.update_revision(**where, Finalized=True)
        return where

    def grant(self, where: dict[str, str], **members: Any) -> dict[str, Any]:
        """An accepted grant to the receiver."""
        granted: dict[str, Any] = self.provider.client.create_data_grant(
            Name="live data",
            GrantDistributionScope="NONE",
            ReceiverPrincipal=self.receiver.id,
            SourceDataSetId=where["DataSetId"],
            **members,
        )
        self.receiver.client.accept_data_grant(DataGrantArn=granted["Arn"])
        return granted

    def entitled(self, grant: dict[str, Any], of: Account | None = None) -> dict[str, Any]:
        """What the receiver sees of the last revision's asset: alias and ARN. The owner sees the same."""
        seen_by, of_grant = of or self.receiver, {"DataSetId": grant["DataSetId"]}
        listed = seen_by.client.list_data_set_revisions(**of_grant)["Revisions"]
        return access_of(seen_by, of_grant | {"RevisionId": listed[0]["Id"]})


def access_of(account: Account, where: dict[str, str]) -> dict[str, Any]:
    (asset,) = account.client.list_revision_assets(**where)["Assets"]
    access: dict[str, Any] = asset["AssetDetails"]["S3DataAccessAsset"]
    return access


@contextmanager
def live_place(exchange: Exchange, s3_server: S3Server, moto_url: str) -> Iterator[Place]:
    """The accounts and what is between them, for as long as a `with` block lasts."""
    bucket = f"live-{token_hex(4)}"
    with ExitStack() as stack:
        storage = s3_client(s3_server)
        stack.callback(storage.close)
        storage.create_bucket(Bucket=bucket)
        for key, body in OBJECTS.items():
            storage.put_object(
                Bucket=bucket, Key=key, Body=body, ContentType="text/x-test", Metadata={"origin": "provider"}
            )
        clients: dict[str, Any] = {}

        def s3(account: Account, endpoint_url: str = exchange.url, **config: Any) -> Any:
            name = repr((account.id, endpoint_url, config))
            if name not in clients:
                keys = (account.access_key_id, account.secret_access_key)
                clients[name] = client("s3", endpoint_url, *keys, **config)
                stack.callback(clients[name].close)
            return clients[name]

        provider, receiver, stranger = (
            new_account(exchange, name) for name in ("provider", "receiver", "stranger")
        )
        for account in (provider, receiver, stranger):
            stack.callback(account.client.close)
        allow_bucket(exchange, provider, bucket, "--read")
        made = Place(exchange, s3_server, bucket, provider, receiver, stranger, {}, {}, s3, moto_url)
        made.data_set.update(made.new_data_set(KeyPrefixes=["shared/"], Keys=["catalog.csv"]))
        made.aliases[provider.id] = made.own_asset(made.data_set)["S3AccessPointAlias"]
        made.aliases[receiver.id] = made.entitled(made.grant(made.data_set))["S3AccessPointAlias"]
        yield made
