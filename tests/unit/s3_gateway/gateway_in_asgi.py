"""The gateway, spoken to in ASGI, with a real database; the provider's endpoint plays a script."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.grants import an_accepted_grant
from tests.servers.open_buckets import OpenBuckets
from tests.servers.sqlite import open_hastily

from entrepot.database import assets, data_grants, data_sets, revisions
from entrepot.database.connection import Database
from entrepot.domain.access_point import access_point_alias
from entrepot.domain.asset import Asset
from entrepot.domain.data_grant import DataGrant, MaskedKind
from entrepot.domain.data_set import AssetType, DataSet
from entrepot.domain.revision import Revision
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.operations.page_tokens import PageTokens
from entrepot.s3_gateway.gateway import GatewayParts, S3Gateway
from entrepot.s3_gateway.provider_threads import ProviderThreads
from entrepot.sigv4.verification import Authenticator, TrustAuthenticator
from entrepot.stores.credentials import StaticCredentials
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_client import S3Client, S3Options
from entrepot.wire.pipeline import AuditEntry

NOW = Timestamp(1_700_000_000_000)
OWNER = Scope("123456789012", "us-east-1")
RECEIVER = Scope("210987654321", "us-east-1")
DATA_SET, REVISION, ASSET = "d" * 32, "e" * 32, "a" * 32
ALIAS = access_point_alias(DATA_SET, ASSET)


@dataclass
class Answer:
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    whole: bool = False
    """Whether the server said that this is all."""


@dataclass
class Exchange:
    """A provider shares `shared/` of its bucket, and has granted it."""

    database: Database
    endpoint_url: str
    now: Timestamp = NOW
    authenticator: Authenticator = field(default_factory=TrustAuthenticator)
    audited: list[AuditEntry] = field(default_factory=list)
    sent_bytes: int = 0
    grant: DataGrant = field(init=False)

    def __post_init__(self) -> None:
        self.client = S3Client(
            StaticCredentials("AKID", "secret"), endpoint_url=self.endpoint_url, options=S3Options(attempts=1)
        )
        self.executor = ThreadPoolExecutor(4)
        self.gateway = S3Gateway(
            GatewayParts(
                database=self.database,
                authenticator=self.authenticator,
                buckets=OpenBuckets(lambda name: S3Store(self.client, name)),
                own_bucket=None,
                page_tokens=PageTokens(b"secret"),
                clock=lambda: self.now,
                audit=self,
                threads=ProviderThreads(self.executor, 2),
                count_sent=self._sent,
                random_bytes=os.urandom,
            )
        )

    async def fill(self) -> None:
        """Writes the rows."""
        data_set = DataSet(OWNER, DATA_SET, AssetType.S3_DATA_ACCESS, "live", "", NOW, NOW)
        await data_sets.insert(self.database, data_set)
        await revisions.insert(self.database, Revision(OWNER, DATA_SET, REVISION, NOW, NOW, finalized=True))
        details = b'{"S3DataAccessAsset":{"Bucket":"provider","KeyPrefixes":["shared/"]}}'
        ids, kind = (DATA_SET, REVISION, ASSET), AssetType.S3_DATA_ACCESS
        asset = Asset(OWNER, *ids, kind, "live", NOW, NOW, 0, "", "", None, details)
        await assets.insert_many(self.database, [asset])
        self.grant = an_accepted_grant(
            NOW,
            scope=OWNER,
            id="9" * 32,
            receiver_id=RECEIVER.account_id,
            source_data_set_id=DATA_SET,
            data_set_id="c" * 32,
            id_mask="b" * 32,
            name="grant",
            asset_type=AssetType.S3_DATA_ACCESS,
            data_set_name="live",
        )
        await data_grants.insert(self.database, self.grant)

    @property
    def entitled_alias(self) -> str:
        """The receiver's."""
        return access_point_alias(self.grant.data_set_id, self.grant.masked(MaskedKind.ASSET, ASSET))

    def close(self) -> None:
        self.client.close()
        self.executor.shutdown()

    def record(self, entry: AuditEntry) -> None:
        self.audited.append(entry)

    async def ask(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        account: Scope | None = OWNER,
        gone: asyncio.Event | None = None,
        on_body: Callable[[], Any] = lambda: None,
        **headers: str,
    ) -> Answer:
        """One request; without an account it has no signature. The client leaves when `gone` is set."""
        given = {"host": "127.0.0.1"} | {name.replace("_", "-"): value for name, value in headers.items()}
        if account is not None:
            credential = f"{account.account_id}/20240101/{account.region}/s3/aws4_request"
            given.setdefault("authorization", f"AWS4-HMAC-SHA256 Credential={credential}")
        scope = {
            "type": "http",
            "method": method,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        answer, left = Answer(), gone or asyncio.Event()

        async def receive() -> dict[str, Any]:
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {
                    name.decode(): value.decode("latin-1") for name, value in message["headers"]
                }
            else:
                answer.body += message.get("body", b"")
                answer.whole = not message.get("more_body", False)
                on_body()

        await self.gateway.answer(scope, receive, send)
        return answer

    def _sent(self, count: int) -> None:
        self.sent_bytes += count


async def filled_exchange(stack: AsyncExitStack, migrated: Path, folder: Path, url: str) -> Exchange:
    """An exchange with a copy of that database, before the provider's endpoint there; the stack closes it."""
    path = folder / "entrepot.sqlite"
    shutil.copy(migrated, path)
    database = await open_hastily(f"sqlite:///{path}")
    stack.push_async_callback(database.close)
    exchange = Exchange(database, url)
    stack.callback(exchange.close)
    await exchange.fill()
    return exchange
