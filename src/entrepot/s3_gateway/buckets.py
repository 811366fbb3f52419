"""What the gateway answers about a whole bucket: listings, where it is, and that it is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from entrepot.domain.errors import StoreAccessDenied, ValidationFailed
from entrepot.domain.outside_numbers import number_within
from entrepot.domain.scope import Scope
from entrepot.entitlements.visibility.shared_buckets import SharedBucket
from entrepot.http.messages import Header, HttpResponse
from entrepot.operations.page_tokens import PageTokens
from entrepot.s3_gateway.listing import (
    ListedPage,
    ListingRequest,
    Pages,
    Position,
    list_shared,
    start_position,
)
from entrepot.s3_gateway.provider_threads import ProviderThreads
from entrepot.s3_gateway.s3_errors import NOT_SHARED, SLOW_DOWN, ObjectProblem, ObjectRefused
from entrepot.s3_gateway.s3_request import S3Call, S3Operation
from entrepot.stores.s3 import S3Store
from entrepot.stores.s3_headers import Headers, quoted
from entrepot.stores.s3_view import PAGE, Page, PageObject, S3View
from entrepot.transfer.user_buckets import Access, AccountBuckets

_XML: Header = (b"content-type", b"application/xml")
_BAD_TOKEN = ObjectProblem(400, "InvalidArgument", "The continuation token provided is incorrect")
_LARGEST_MAX_KEYS = 2**31 - 1
_BAD_MAX_KEYS = ObjectProblem(400, "InvalidArgument", "max-keys must be an integer that is not negative")
_BAD_ENCODING = ObjectProblem(400, "InvalidArgument", "Invalid Encoding Method specified in Request")
_BAD_LIST_TYPE = ObjectProblem(400, "InvalidArgument", "list-type is 2, or it is not given.")
_NOT_ON_S3 = ObjectProblem(501, "NotImplemented", "The provider's bucket is not on an S3 service.")


@dataclass(frozen=True, slots=True)
class BucketAnswers:
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
                return HttpResponse(200, (_XML,), bucket_location(account.region))
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
        if not shared.objects.reach_below(asked.prefix):
            raise ObjectRefused(NOT_SHARED)
        is_v2 = call.operation is S3Operation.LIST_OBJECTS_V2
        with_owner = not is_v2 or _flag(query, "fetch-owner")
        token = query.get("continuation-token") if is_v2 else None
        after = query.get("start-after" if is_v2 else "marker", "")
        listing_of = [account.region, account.account_id, call.bucket, asked.prefix, asked.delimiter]
        binding = json.dumps(["S3ListObjectsV2", *listing_of])
        position = start_position(asked, after) if token is None else self._position(binding, token)

        def pages_at(prefix: str) -> Pages:
            view = opened(buckets, shared.bucket, prefix, _payer(call.headers))
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
            owner_id=shared.owner_id if with_owner else None,
        )
        if is_v2:
            return listing_v2(found, start_after=query.get("start-after"), token=token)
        return listing_v1(found, marker=after)

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


def opened(buckets: AccountBuckets, bucket: str, key: str, listing_headers: Headers = ()) -> S3View:
    """The bucket for one key, or for all that begin with it.

    Raises `StoreAccessDenied`, `ConfigurationError` and `ObjectRefused`.
    """
    store = buckets.open(bucket, key, Access.READ)
    if not isinstance(store, S3Store):
        raise ObjectRefused(_NOT_ON_S3)
    return S3View(store, listing_headers=listing_headers)


def _payer(headers: Mapping[str, str]) -> Headers:
    return (("x-amz-request-payer", "requester"),) if "x-amz-request-payer" in headers else ()


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "").lower()
    if text not in {"", "true", "false"}:
        raise ObjectRefused(ObjectProblem(400, "InvalidArgument", f"{name} is true or false."))
    return text == "true"


def _listing_request(query: Mapping[str, str]) -> ListingRequest:
    limit = number_within(query.get("max-keys", str(PAGE)), 0, _LARGEST_MAX_KEYS)
    if limit is None:
        raise ObjectRefused(_BAD_MAX_KEYS)
    if query.get("list-type", "2") != "2":
        raise ObjectRefused(_BAD_LIST_TYPE)
    if query.get("encoding-type", "url") != "url":
        raise ObjectRefused(_BAD_ENCODING)
    return ListingRequest(query.get("prefix", ""), query.get("delimiter", ""), min(limit, PAGE))


_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_HEADING = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ESCAPES = {
    **{code: f"&#{code};" for code in (*range(32), 127)},
    **str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}),
}


@dataclass(frozen=True, slots=True)
class Listing:
    bucket: str
    prefix: str
    delimiter: str
    max_keys: int
    objects: tuple[PageObject, ...]
    common_prefixes: tuple[str, ...]
    next_position: str | None
    """A token, or for the old form a marker; None where nothing follows."""
    url_encoded: bool
    owner_id: str | None
    """Whose the objects are; None where that is not asked for."""


def listing_v2(listing: Listing, *, start_after: str | None, token: str | None) -> bytes:
    count = len(listing.objects) + len(listing.common_prefixes)
    return _list_bucket_result(
        listing,
        [
            _optional("StartAfter", start_after, listing),
            _element("KeyCount", str(count)),
            "" if token is None else _element("ContinuationToken", token),
            "" if listing.next_position is None else _element("NextContinuationToken", listing.next_position),
        ],
    )


def listing_v1(listing: Listing, *, marker: str) -> bytes:
    return _list_bucket_result(
        listing,
        [_element("Marker", _text(marker, listing)), _optional("NextMarker", listing.next_position, listing)],
    )


def bucket_location(region: str) -> bytes:
    """The answer of GetBucketLocation, where no text means us-east-1."""
    text = "" if region == "us-east-1" else _escaped(region)
    return f'{_HEADING}<LocationConstraint xmlns="{_NAMESPACE}">{text}</LocationConstraint>'.encode()


def _list_bucket_result(listing: Listing, own: Iterable[str]) -> bytes:
    parts = [
        f'{_HEADING}<ListBucketResult xmlns="{_NAMESPACE}">',
        _element("Name", listing.bucket),
        _element("Prefix", _text(listing.prefix, listing)),
        *own,
        _element("MaxKeys", str(listing.max_keys)),
        _optional("Delimiter", listing.delimiter or None, listing),
        _element("EncodingType", "url") if listing.url_encoded else "",
        _element("IsTruncated", "false" if listing.next_position is None else "true"),
        *(_contents(each, listing) for each in listing.objects),
        *(
            f"<CommonPrefixes>{_element('Prefix', _text(each, listing))}</CommonPrefixes>"
            for each in listing.common_prefixes
        ),
        "</ListBucketResult>",
    ]
    return "".join(parts).encode()


def _contents(found: PageObject, listing: Listing) -> str:
    owner = "" if listing.owner_id is None else f"<Owner>{_element('ID', listing.owner_id)}</Owner>"
    return (
        f"<Contents>{_element('Key', _text(found.key, listing))}"
        f"{_element('LastModified', found.last_modified)}"
        f"{_element('ETag', quoted(found.etag))}"
        f"{_element('Size', str(found.size_bytes))}"
        f"{_element('StorageClass', found.storage_class)}{owner}</Contents>"
    )


def _optional(name: str, text: str | None, listing: Listing) -> str:
    return "" if text is None else _element(name, _text(text, listing))


def _text(text: str, listing: Listing) -> str:
    """A key, encoded as it was asked for; `%20` and never `+`, which some clients would not decode."""
    return quote(text, safe="/-_.~") if listing.url_encoded else text


def _element(name: str, text: str) -> str:
    return f"<{name}>{_escaped(text)}</{name}>"


def _escaped(text: str) -> str:
    """As S3 writes it: control characters as references, though XML 1.0 has none of them."""
    return text.translate(_ESCAPES)
