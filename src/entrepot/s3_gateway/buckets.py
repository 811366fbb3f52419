"""What the gateway answers about a whole bucket: listings, where it is, and that it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from entrepot.domain.errors import StoreAccessDenied, ValidationFailed
from entrepot.domain.scope import Scope
from entrepot.entitlements.visibility.shared_buckets import SharedBucket
from entrepot.http.messages import Header, HttpResponse
from entrepot.operations.context import PageTokens
from entrepot.s3_gateway import documents
from entrepot.s3_gateway.documents import Listing
from entrepot.s3_gateway.error_answers import SLOW_DOWN
from entrepot.s3_gateway.listing import (
    ListedPage,
    ListingRequest,
    Pages,
    Position,
    list_shared,
    start_position,
)
from entrepot.s3_gateway.provider_threads import ProviderThreads
from entrepot.s3_gateway.s3_errors import ObjectProblem, ObjectRefused
from entrepot.s3_gateway.s3_request import S3Call, S3Operation
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_view import PAGE, Page, S3View
from entrepot.transfer.user_buckets import Access, AccountBuckets

_XML: Header = (b"content-type", b"application/xml")
_BAD_TOKEN = ObjectProblem(400, "InvalidArgument", "The continuation token provided is incorrect")
_BAD_MAX_KEYS = ObjectProblem(400, "InvalidArgument", "max-keys must be an integer that is not negative")
_BAD_ENCODING = ObjectProblem(400, "InvalidArgument", "Invalid Encoding Method specified in Request")
_NOT_ON_S3 = ObjectProblem(501, "NotImplemented", "The provider's bucket is not on an S3 service.")


@dataclass(frozen=True, slots=True)
class BucketAnswers:
    """Answers about buckets."""

    threads: ProviderThreads
    page_tokens: PageTokens
    own_bucket: str | None
    """Where the exchange keeps its own bytes: what of it nobody may open is not listed either."""

    async def answer(
        self, account: Scope, call: S3Call, shared: SharedBucket, buckets: AccountBuckets
    ) -> HttpResponse:
        """The answer to one request that may be answered. Raises `StoreError` and `ObjectRefused`."""
        match call.operation:
            case S3Operation.GET_BUCKET_LOCATION:
                return HttpResponse(200, (_XML,), documents.bucket_location(account.region))
            case S3Operation.HEAD_BUCKET:
                region = account.region.encode("ascii")
                headers = ((b"x-amz-bucket-region", region), (b"x-amz-access-point-alias", b"true"))
                return HttpResponse(200, headers, b"")
            case _:
                return HttpResponse(200, (_XML,), await self._listing(account, call, shared, buckets))

    async def _listing(
        self, account: Scope, call: S3Call, shared: SharedBucket, buckets: AccountBuckets
    ) -> bytes:
        query, asked = call.query, _listing_request(call.query)
        is_v2 = call.operation is S3Operation.LIST_OBJECTS_V2
        token = query.get("continuation-token") if is_v2 else None
        after = query.get("start-after" if is_v2 else "marker", "")
        listing_of = [account.region, account.account_id, call.bucket, asked.prefix, asked.delimiter]
        binding = json.dumps(["S3ListObjectsV2", *listing_of])
        position = start_position(asked, after) if token is None else self._position(binding, token)

        def pages_at(prefix: str) -> Pages:
            view = opened(buckets, shared.bucket, prefix)
            return (
                view if shared.bucket != self.own_bucket else _WithoutOwnBytes(view, buckets, shared.bucket)
            )

        def find() -> ListedPage:
            return list_shared(shared.objects, asked, position, pages_at)

        page = await self.threads.run(shared.owner_id, find)
        following = None
        if page.following is not None:
            following = self._token(binding, page.following) if is_v2 else page.last_entry
            if following is None:
                raise ObjectRefused(SLOW_DOWN)
        found = Listing(
            bucket=call.bucket,
            prefix=asked.prefix,
            delimiter=asked.delimiter,
            max_keys=asked.limit,
            objects=tuple(page.objects),
            common_prefixes=tuple(page.common_prefixes),
            next_position=following,
            url_encoded="encoding-type" in query,
        )
        if is_v2:
            return documents.listing_v2(found, start_after=query.get("start-after"), token=token)
        return documents.listing_v1(found, marker=after)

    def _token(self, binding: str, position: Position) -> str:
        texts = [position.token or "", position.after or "", position.last_prefix or ""]
        return self.page_tokens.encode(binding, [position.span, *texts])

    def _position(self, binding: str, token: str) -> Position:
        try:
            span, providers, after, last_prefix = self.page_tokens.decode(binding, token)
        except ValidationFailed:
            raise ObjectRefused(_BAD_TOKEN) from None
        return Position(int(span), str(providers) or None, str(after) or None, str(last_prefix) or None)


@dataclass(frozen=True, slots=True)
class _WithoutOwnBytes:
    """A bucket, without what may not be opened in it."""

    view: S3View
    buckets: AccountBuckets
    bucket: str

    def page(
        self,
        prefix: str,
        *,
        delimiter: str = "",
        after: str | None = None,
        token: str | None = None,
        limit: int = PAGE,
    ) -> Page:
        """See `S3View.page`."""
        page = self.view.page(prefix, delimiter=delimiter, after=after, token=token, limit=limit)
        return Page(
            [each for each in page.objects if self._may_be_opened(each.key)],
            [each for each in page.common_prefixes if self._may_be_opened(each)],
            page.next_token,
        )

    def _may_be_opened(self, key: str) -> bool:
        try:
            self.buckets.open(self.bucket, key, Access.READ)
        except StoreAccessDenied:
            return False
        return True


def opened(buckets: AccountBuckets, bucket: str, key: str) -> S3View:
    """The bucket for one key, or for all that begin with it.

    Raises `StoreAccessDenied`, `ConfigurationError` and `ObjectRefused`.
    """
    store = buckets.open(bucket, key, Access.READ)
    if not isinstance(store, S3Store):
        raise ObjectRefused(_NOT_ON_S3)
    return S3View(store)


def _listing_request(query: Mapping[str, str]) -> ListingRequest:
    limit = query.get("max-keys", str(PAGE))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= 10):
        raise ObjectRefused(_BAD_MAX_KEYS)
    if query.get("encoding-type", "url") != "url":
        raise ObjectRefused(_BAD_ENCODING)
    return ListingRequest(query.get("prefix", ""), query.get("delimiter", ""), min(int(limit), PAGE))
