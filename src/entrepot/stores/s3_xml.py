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
    """The root element, names without their namespace; raises `NotXml`."""
    if b"<!DOCTYPE" in body[:1024]:
        raise NotXml("the document has a document type")
    try:
        root = ET.fromstring(body)  # noqa: S314
    except ET.ParseError as error:
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
    return text.strip().strip('"')


def required(root: ET.Element, name: str) -> str:
    """The text of a child; raises `NotXml` where it is missing."""
    text = root.findtext(name)
    if text is None:
        raise NotXml(f"the answer {root.tag} has no {name}")
    return text


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
                int(required(entry, "Size")),
                etag_of(required(entry, "ETag")),
            )
        )
    return tuple(found)


def listed_parts(root: ET.Element) -> tuple[UploadedPart, ...]:
    """The parts of a ListParts answer; raises `NotXml`."""
    return tuple(
        UploadedPart(
            int(required(entry, "PartNumber")),
            int(required(entry, "Size")),
            etag_of(required(entry, "ETag")),
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
