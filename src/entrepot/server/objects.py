"""`/entrepot/objects/…`: the signed URLs of the local store, answered as S3 would answer them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

from entrepot.domain.asset import Asset
from entrepot.domain.errors import DatabaseError, StoreError
from entrepot.domain.identifiers import job_of_upload
from entrepot.domain.object_headers import (
    MOST_BYTES,
    NO_HEADERS,
    OBJECT_HEADER_NAMES,
    ObjectHeaders,
    refused_value,
)
from entrepot.domain.timestamp import Timestamp
from entrepot.http.messages import Header, HttpResponse
from entrepot.s3_gateway.request_headers import headers_by_name, require_allowed_by_signed_url
from entrepot.s3_gateway.s3_errors import (
    HARMLESS,
    METADATA_TOO_LARGE,
    METHOD_NOT_ALLOWED,
    NO_LENGTH,
    NO_LONGER_ENTITLED,
    UPLOAD_NOT_AWAITED,
    ObjectProblem,
    ObjectRefused,
    damaged,
    problem_of,
    problem_response,
)
from entrepot.server.audit import Metrics
from entrepot.server.object_download import Download, Expected, Served, content_disposition
from entrepot.server.object_upload import Upload
from entrepot.server.upload_quota import UploadQuota
from entrepot.server.upload_slots import UploadSlots
from entrepot.stores.store import ObjectStore
from entrepot.transfer.signed_urls import LocalSignedUrls, SignedObject
from entrepot.transfer.source_proof import of_whole_object
from entrepot.wire.asgi import (
    AsgiScope,
    ClientDisconnected,
    Receive,
    Send,
    connection_headers,
    content_length,
    send_response,
)

UPLOAD_LIMIT_BYTES = 5 * 1024**3
"""What one PUT may carry, as on S3."""
_CLIENT_GONE = 499

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WhatUrlsWereMadeFor:
    """Asks whether a signed URL is still good; all raise `DatabaseError`."""

    is_waiting: Callable[[str], Awaitable[bool]]
    """Whether the job of that id may still be uploaded to."""
    account_of_job: Callable[[str], Awaitable[str | None]]
    """Whose job that is; None where there is none."""
    is_entitled: Callable[[str], Awaitable[bool]]
    """Whether that receiver may still have what it was given."""
    asset_of: Callable[[str], Awaitable[Asset | None]]
    """The asset whose bytes lie under the store key; None for an upload that waits."""
    keep_upload_headers: Callable[[str, ObjectHeaders], Awaitable[bool]]
    """Notes what goes with the bytes that were uploaded to that job; False where it waits no more."""
    mark_damaged: Callable[[str], Awaitable[None]]
    """Says that the bytes under the store key are not those that were recorded."""


@dataclass(frozen=True, slots=True)
class Transfers:
    """What moves bytes: each kind has threads of its own, so that slow uploads hold up no download."""

    uploads: Executor
    """An upload holds one thread until its last byte is here, and some more now and then."""
    downloads: Executor
    slots: UploadSlots
    """As many as leave `uploads` some threads."""


class SignedObjects:
    def __init__(
        self,
        store: ObjectStore,
        signed_urls: LocalSignedUrls,
        clock: Callable[[], Timestamp],
        metrics: Metrics,
        transfers: Transfers,
        holds: WhatUrlsWereMadeFor,
        quota: UploadQuota,
    ) -> None:
        """`holds` says whether a URL still does."""
        self._signed_urls = signed_urls
        self._clock = clock
        self._holds = holds
        self._slots = transfers.slots
        self._quota = quota
        self._upload = Upload(store, transfers.uploads, UPLOAD_LIMIT_BYTES, metrics.received)
        self._download = Download(store, transfers.downloads, metrics.sent)

    async def answer(self, scope: AsgiScope, receive: Receive, send: Send) -> int:
        try:
            return await self._answer(scope, receive, send)
        except ClientDisconnected:
            return _CLIENT_GONE
        except ObjectRefused as refused:
            return await _refuse(scope, send, refused.problem)
        except StoreError as error:
            return await _refuse(scope, send, problem_of(error))
        except DatabaseError as error:
            _log.error("a signed URL is refused, since the database is unavailable: %s", error)
            return await _refuse(scope, send, problem_of(error))

    async def _answer(self, scope: AsgiScope, receive: Receive, send: Send) -> int:
        method = scope["method"]
        if method not in {"GET", "HEAD", "PUT"}:
            raise ObjectRefused(METHOD_NOT_ALLOWED)
        signed = self._signed_urls.verify(
            "GET" if method == "HEAD" else method,
            scope["raw_path"].decode("latin-1"),
            scope["query_string"],
            scope["headers"],
            self._clock(),
        )
        headers = headers_by_name(scope["headers"])
        require_allowed_by_signed_url(method, headers)
        if method != "PUT":
            if signed.receiver is not None and not await self._holds.is_entitled(signed.receiver):
                raise ObjectRefused(NO_LONGER_ENTITLED)
            return await self._give(method, headers, receive, send, signed)
        await self._require_awaited(signed.store_key)
        require_awaited = partial(self._require_awaited, signed.store_key)
        account_id = await self._account(signed.store_key)
        size_bytes = content_length(scope)
        if size_bytes is None:
            raise ObjectRefused(NO_LENGTH)
        await self._slots.wait_for_turn(signed.store_key)
        under_way_bytes = self._slots.announced_bytes(account_id)
        await self._quota.require_room(account_id, size_bytes, under_way_bytes)
        upload_headers = _headers_to_keep(headers)
        with self._slots.take(signed.store_key, account_id, size_bytes) as progress:
            await self._upload.require_conditions(headers, signed.store_key)
            patient = partial(progress.receive, receive)
            stored = await self._upload.receive(size_bytes, patient, signed, require_awaited)
            try:
                await self._keep_headers(signed.store_key, upload_headers)
            except ObjectRefused:
                await self._upload.discard(signed)
                raise
        await send_response(send, HttpResponse(200, ((b"etag", f'"{stored.etag}"'.encode()),), b""))
        return 200

    async def _account(self, store_key: str) -> str:
        """Whose upload that is; all that belong to no job count as one account's."""
        job_id = job_of_upload(store_key)
        return "" if job_id is None else await self._holds.account_of_job(job_id) or ""

    async def _give(
        self, method: str, headers: Mapping[str, str], receive: Receive, send: Send, signed: SignedObject
    ) -> int:
        """A download; of an asset that is not damaged, and with the bytes that were recorded of it."""
        key, asset = signed.store_key, await self._holds.asset_of(signed.store_key)
        said = _said(NO_HEADERS if asset is None else asset.headers, signed.download_name)
        if asset is None:
            return await self._download.answer(method, headers, receive, send, Served(key, said))
        if asset.damaged_at is not None:
            raise ObjectRefused(damaged(asset.name))
        checksum, expected = of_whole_object(asset.checksum), None
        if checksum is not None:
            expected = Expected(checksum, partial(self._holds.mark_damaged, key), damaged(asset.name))
        served = Served(key, said, asset.created_at, expected)
        return await self._download.answer(method, headers, receive, send, served)

    async def _keep_headers(self, store_key: str, headers: ObjectHeaders) -> None:
        """As `_require_awaited`; and where the job waits, it knows what goes with the bytes from now on."""
        job_id = job_of_upload(store_key)
        if job_id is not None and not await self._holds.keep_upload_headers(job_id, headers):
            raise ObjectRefused(UPLOAD_NOT_AWAITED)

    async def _require_awaited(self, store_key: str) -> None:
        """Raises `ObjectRefused` where the job that the upload is for waits no more, and `DatabaseError`."""
        job_id = job_of_upload(store_key)
        if job_id is not None and not await self._holds.is_waiting(job_id):
            raise ObjectRefused(UPLOAD_NOT_AWAITED)


def _said(known: ObjectHeaders, download_name: str | None) -> tuple[Header, ...]:
    """What is said of an asset's bytes: what belongs to it, and S3's default where no type is known."""
    said = {"content-type": b"binary/octet-stream"}
    if download_name is not None:
        said["content-disposition"] = content_disposition(download_name)
    said |= {name: value.encode("ascii") for name, value in known.named()}
    return (*((name.encode("ascii"), value) for name, value in said.items()), *HARMLESS)


def _headers_to_keep(headers: Mapping[str, str]) -> ObjectHeaders:
    """Raises `ObjectRefused` where S3 would not take them."""
    refused = refused_value(headers)
    if refused is not None:
        raise ObjectRefused(
            ObjectProblem(400, "InvalidArgument", f"The value of {refused} must be printable ASCII.")
        )
    if sum(len(name) + len(headers.get(name, "")) for name in OBJECT_HEADER_NAMES) > MOST_BYTES:
        raise ObjectRefused(METADATA_TOO_LARGE)
    return ObjectHeaders.of(headers)


async def _refuse(scope: AsgiScope, send: Send, problem: ObjectProblem) -> int:
    response = problem_response(problem, uuid4().hex)
    await send_response(send, response, extra=connection_headers(scope) if scope["method"] == "PUT" else ())
    return problem.status
