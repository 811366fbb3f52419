"""The XML answers of the gateway."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote

from entrepot.stores.s3_headers import quoted
from entrepot.stores.s3_view import PageObject

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_HEADING = '<?xml version="1.0" encoding="UTF-8"?>\n'
_ESCAPES = {
    **{code: f"&#{code};" for code in (*range(32), 127)},
    **str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}),
}


@dataclass(frozen=True, slots=True)
class Listing:
    """What a listing has found, and how it was asked for."""

    bucket: str
    prefix: str
    delimiter: str
    max_keys: int
    objects: tuple[PageObject, ...]
    common_prefixes: tuple[str, ...]
    next_position: str | None
    """A token, or for the old form a marker; None where nothing follows."""
    url_encoded: bool


def listing_v2(listing: Listing, *, start_after: str | None, token: str | None) -> bytes:
    """The answer of ListObjectsV2."""
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
    """The answer of ListObjects."""
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
    return (
        f"<Contents>{_element('Key', _text(found.key, listing))}"
        f"{_element('LastModified', found.last_modified)}"
        f"{_element('ETag', quoted(found.etag))}"
        f"{_element('Size', str(found.size_bytes))}"
        f"{_element('StorageClass', found.storage_class)}</Contents>"
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
