"""The few XML documents of S3 that this project reads and writes."""

from __future__ import annotations

# Only answers of an endpoint that the operator named are parsed; expat limits the expansion of entities, and
# a document type, which S3 never sends, is refused beforehand.
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

from entrepot.domain.asset import Checksum
from entrepot.domain.job import UploadedPart
from entrepot.stores.checksum import ALGORITHMS
from entrepot.stores.store import ListedObject

_BEFORE_A_DOCUMENT = b" \t\r\n\xef\xbb\xbf"
_LONGEST_NUMBER = 18


class NotXml(ValueError):
    """The body is not the XML document it should be."""


@dataclass(frozen=True, slots=True)
class ErrorDocument:
    code: str
    message: str
    region: str | None = None
    """Where the bucket is, if that was the error."""
    endpoint: str | None = None
    """The host that a redirect names."""


def parse(body: bytes) -> ET.Element:
    """The root element, names without their namespace; raises `NotXml`.

    What keeps a connection alive or marks an encoding may stand before the document.
    """
    body = body.lstrip(_BEFORE_A_DOCUMENT)
    if b"<!DOCTYPE" in body:
        raise NotXml("the document has a document type")
    try:
        root = ET.fromstring(body)  # noqa: S314
    except (ET.ParseError, LookupError, ValueError) as error:  # the latter of an encoding that is none
        raise NotXml(str(error)) from error
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def error_document(body: bytes) -> ErrorDocument | None:
    """The error that the body holds; None where it holds something else, or nothing."""
    if b"<Error" not in body:
        return None
    try:
        root = parse(body)
    except NotXml:
        return None
    if root.tag != "Error":
        return None
    return ErrorDocument(
        root.findtext("Code", ""),
        root.findtext("Message", ""),
        root.findtext("Region") or None,
        root.findtext("Endpoint") or None,
    )


def escaped(text: str) -> str:
    """The text as content of an element. (The standard library's own loads a client of the web for it.)"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def etag_of(text: str) -> str:
    """The opaque tag, whether it came quoted, as it should, or bare, or marked as weak by a proxy.

    So the same object has the same ETag in headers and listings, and with a proxy as without one.
    """
    return text.strip().removeprefix("W/").strip('"')


def required(root: ET.Element, name: str) -> str:
    """The text of a child; raises `NotXml` where it is missing."""
    text = root.findtext(name)
    if text is None:
        raise NotXml(f"the answer {root.tag} has no {name}")
    return text


def required_number(root: ET.Element, name: str) -> int:
    """The number that a child holds, 0 or more; raises `NotXml` where it is none."""
    text = required(root, name).strip()
    if not (text.isascii() and text.isdecimal()) or len(text) > _LONGEST_NUMBER:
        raise NotXml(f"{root.tag} has {name} {text[:20]!r}")
    return int(text)


def required_etag(root: ET.Element) -> str:
    """The ETag of an object or part; raises `NotXml` where it is missing or empty."""
    etag = etag_of(required(root, "ETag"))
    if not etag:
        raise NotXml(f"{root.tag} has no ETag")
    return etag


def checksum_in(element: ET.Element) -> Checksum | None:
    """The checksum of a whole object or part; None for a checksum of checksums."""
    if element.findtext("ChecksumType") == "COMPOSITE":
        return None
    for algorithm in ALGORITHMS:
        value = element.findtext(f"Checksum{algorithm}")
        if value and "-" not in value:
            return Checksum(algorithm, value)
    return None


def listed_objects(root: ET.Element) -> tuple[ListedObject, ...]:
    """The objects of a ListObjectsV2 answer, asked for with encoding-type=url; raises `NotXml`."""
    encoded = root.findtext("EncodingType") == "url"
    found = []
    for entry in root.findall("Contents"):
        key = required(entry, "Key")
        found.append(
            ListedObject(
                unquote_plus(key) if encoded else key,
                required_number(entry, "Size"),
                required_etag(entry),
            )
        )
    return tuple(found)


def is_truncated(root: ET.Element) -> bool:
    """Whether a listing goes on."""
    return root.findtext("IsTruncated", "").strip().lower() == "true"


def listed_parts(root: ET.Element) -> tuple[UploadedPart, ...]:
    """The parts of a ListParts answer; raises `NotXml`."""
    return tuple(
        UploadedPart(
            required_number(entry, "PartNumber"),
            required_number(entry, "Size"),
            required_etag(entry),
            checksum_in(entry),
        )
        for entry in root.findall("Part")
    )


def complete_upload(parts: Sequence[UploadedPart]) -> bytes:
    lines = ["<CompleteMultipartUpload>"]
    for part in parts:
        checksum = part.checksum
        lines.append(
            f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{escaped(part.etag)}&quot;</ETag>"
            + (
                f"<Checksum{checksum.algorithm}>{checksum.value}</Checksum{checksum.algorithm}>"
                if checksum
                else ""
            )
            + "</Part>"
        )
    lines.append("</CompleteMultipartUpload>")
    return "".join(lines).encode()
