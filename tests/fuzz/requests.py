"""Requests of an account: most are good, made from the service model and what the account has; some not."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tests.fuzz.belongings import KEYS, SECRET_KEYS, SHARED, SHARED_KEYS, Belongings
from tests.fuzz.sending import Request, header_text
from tests.fuzz.strange_values import (
    DATES,
    DIGITS,
    HEADERS,
    NUMBERS,
    QUERIES,
    RANGES,
    SOME_ID,
    TEXTS,
    strange_request,
    written,
)

from entrepot.model.loader import load_model
from entrepot.model.service_model import Kind, Location, Operation, Shape
from entrepot.sigv4.arithmetic import format_timestamp, payload_hash
from entrepot.sigv4.signer import Signer

MODEL = load_model()
_OWN_ROUTES = ("GetJobProgress", "ListEvents")
_STRANGE: tuple[Any, ...] = (
    *NUMBERS,
    *DATES,
    *TEXTS,
    *(None, True, -1, 0, 2**31, 2**63, 1e308, [], {}, [None], {"a": {}}, [[[[]]]]),
    *("x" * 70_000, "\u0000", "\ud83d\ude00", "\ud800", "\u202e", "a\r\nb"),
)
_OF_SIGNATURES = {"Authorization", "Date", "X-Amz-Date", "X-Amz-Content-Sha256", "X-Amz-Security-Token"}
_HEADERS = {name: values for name, values in HEADERS.items() if name not in _OF_SIGNATURES}
_QUERIES = {name: values for name, values in QUERIES.items() if not name.startswith("X-Amz-")}
_QUERIES_OF_OBJECTS: dict[str, Sequence[str]] = {
    "acl": ("",),
    "partNumber": NUMBERS,
    "response-content-type": TEXTS,
    "uploads": ("",),
    "versionId": TEXTS,
}
_DIGEST_OF_NOTHING = "1B2M2Y8AsgTpgAmY7PhCfg=="
_LEFT_OUT = frozenset({"NextToken", "KmsKeyArn", "Encryption", "ClientToken", "AssetConfiguration"})
"""Optional members for which there is no value that is usually good."""


_MORE_OFTEN = ("CreateJob", "CreateJob", "StartJob", "StartJob", "GetJob", "GetJob")


@dataclass(frozen=True, slots=True)
class Call:
    """A request of the API with what was asked, for whoever learns from the answer."""

    request: Request
    asked: dict[str, Any]


def next_call(mine: Belongings, others: Sequence[Belongings], choose: random.Random) -> Call:
    """The next request of the account. Most are about what it has, and fit it."""
    kind = choose.random()
    if kind < 0.05:
        return Call(strange_request(choose), {})
    if kind < 0.17:
        return Call(_to_s3(mine, choose), {})
    if kind < 0.27:
        return _by_signed_url(mine, choose)
    if kind < 0.30:
        return Call(_to_own_route(mine, choose), {})
    operation, asked = _good(mine, choose)
    if kind < 0.42:
        return _spoilt(mine, others, operation, asked, choose)
    request = _signed(mine.api, operation.name, *serialized(operation, asked), mine.mark)
    if kind < 0.46:
        return Call(_mis_signed(mine, request, choose), {})
    return Call(request, asked)


def serialized(operation: Operation, asked: Mapping[str, Any]) -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, headers and body, as the model says."""
    path, query, headers = operation.path, [], {}
    body: dict[str, Any] = {}
    payload: bytes | None = None
    for member in MODEL.shapes[operation.input].members:
        if member.name not in asked:
            continue
        value = asked[member.name]
        match member.location:
            case Location.URI:
                path = path.replace(
                    f"{{{member.location_name}}}", quote(_text(value), safe="", errors="replace")
                )
            case Location.QUERY:
                values = value if isinstance(value, list) else [value]
                query += [(member.location_name, _text(each)) for each in values]
            case Location.HEADER:
                headers[member.location_name] = header_text(_text(value))
            case Location.HEADERS:
                pairs = value.items() if isinstance(value, dict) else ()
                headers |= {f"X-{name}": header_text(_text(text)) for name, text in pairs}
            case Location.PAYLOAD:
                payload = _text(value).encode("utf-8", "replace")
            case _:
                body[member.location_name] = value
    if payload is None:
        payload = json.dumps(body).encode() if body else b""
    if payload:
        headers["Content-Type"] = "application/json"
    encoded = urlencode(query, quote_via=quote, safe="", errors="replace")
    return operation.method, f"{path}?{encoded}" if encoded else path, headers, payload


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _signed(
    signer: Signer, what: str, method: str, target: str, headers: Mapping[str, str], body: bytes, mark: str
) -> Request:
    """The request with its signature. `headers` may name the host."""
    path, _, query = target.partition("?")
    headers = {"Host": "127.0.0.1", **{name: header_text(value) for name, value in headers.items()}}
    digest = payload_hash(body)
    added = signer.sign_headers(
        method,
        path,
        query,
        list(headers.items()),
        payload_hash=digest,
        timestamp=format_timestamp(time.time()),
    )
    return Request(what, method, target, headers | dict(added), body, mark)


# What an account may ask for


def _good(mine: Belongings, choose: random.Random) -> tuple[Operation, dict[str, Any]]:
    """An operation, and a request of it that fits what the account has."""
    names = [*sorted(MODEL.operations), *_MORE_OFTEN]
    while True:
        name = _balanced(mine, choose.choice(names))
        named = _named(mine, name, choose)
        if named is not None:
            operation = MODEL.operations[name]
            return operation, _filled(
                MODEL.shapes[operation.input], named, mine.text(named.get("DataSetId")), choose
            )


def _balanced(mine: Belongings, name: str) -> str:
    """The operation; the one that undoes it where there is much; the one that makes where there is little."""
    for made, undone, have, least, most in (
        ("CreateDataSet", "DeleteDataSet", mine.data_sets, 2, 20),
        ("CreateRevision", "DeleteRevision", mine.open, 3, 40),
        ("CreateEventAction", "DeleteEventAction", mine.event_actions, 1, 3),
        ("CreateDataGrant", "DeleteDataGrant", mine.grants, 1, 8),
    ):
        if name == made and len(have) >= most:
            return undone
        if name == undone and len(have) <= least:
            return made
    return name


def _named(mine: Belongings, name: str, choose: random.Random) -> dict[str, Any] | None:
    """The members that decide about the rest; None where the account has nothing that it fits."""

    def one(entries: Sequence[Any]) -> Any:
        return choose.choice(entries) if entries else None

    def revision(*lists: list[tuple[str, str]]) -> dict[str, Any] | None:
        found = one([entry for entries in lists for entry in entries])
        return found and {"DataSetId": found[0], "RevisionId": found[1]}

    def asset() -> dict[str, Any] | None:
        found = one(mine.assets)
        return found and {"DataSetId": found[0], "RevisionId": found[1], "AssetId": found[2]}

    def of(member: str, entries: Sequence[Any]) -> dict[str, Any] | None:
        return {member: choose.choice(entries)} if entries else None

    shared = {member: mine.shared[member] for member in ("DataSetId", "RevisionId")}
    entitled = {member: mine.entitled[member] for member in ("DataSetId", "RevisionId")}
    any_data_set = [*mine.data_sets, mine.shared["DataSetId"]]
    match name:
        case "CreateDataSet":
            return {"AssetType": "S3_SNAPSHOT"}
        case "GetDataSet" | "ListDataSetRevisions":
            return of("DataSetId", [*any_data_set, mine.entitled["DataSetId"]])
        case "UpdateDataSet" | "CreateRevision":
            return of("DataSetId", any_data_set)
        case "DeleteDataSet":
            return of("DataSetId", mine.data_sets[1:])
        case "GetRevision" | "ListRevisionAssets":
            return choose.choice((revision(mine.open, mine.finalized), shared, entitled))
        case "UpdateRevision":
            filled = revision(mine.filled)
            return filled and filled | {"Finalized": choose.random() < 0.3}
        case "DeleteRevision":
            return revision(mine.open[1:])
        case "RevokeRevision":
            return revision(mine.finalized)
        case "GetAsset":
            return choose.choice((asset(), mine.shared, mine.entitled))
        case "UpdateAsset":
            return asset()
        case "DeleteAsset":
            return asset() if len(mine.assets) > 8 else None
        case "SendApiAsset":
            verb = choose.choice(("GET", "POST", "PUT", "DELETE"))
            return {**mine.called_api, "Path": "/mirror", "Method": verb, "Body": mine.mark}
        case "SendDataSetNotification":
            kind = choose.choice(("DATA_DELAY", "DATA_UPDATE", "DEPRECATION"))
            later = {"Deprecation": {"DeprecationAt": _moment(30)}} if kind == "DEPRECATION" else {}
            given = {"DataSetId": mine.shared["DataSetId"], "Type": kind}
            return given | ({"Details": later} if later else {})
        case "CreateJob":
            return _job(mine, choose)
        case "StartJob" | "CancelJob":
            return of("JobId", mine.waiting)
        case "GetJob":
            return of("JobId", mine.jobs)
        case "CreateEventAction":
            return {
                "Event": {"RevisionPublished": {"DataSetId": mine.entitled["DataSetId"]}},
                "Action": {"ExportRevisionToS3": {"RevisionDestination": {"Bucket": mine.bucket}}},
            }
        case "UpdateEventAction":
            action = {
                "ExportRevisionToS3": {
                    "RevisionDestination": {"Bucket": mine.bucket, "KeyPattern": "${Asset.Id}"}
                }
            }
            named = of("EventActionId", mine.event_actions)
            return named and named | {"Action": action}
        case "GetEventAction" | "DeleteEventAction":
            return of("EventActionId", mine.event_actions)
        case "CreateDataGrant":
            given = {"SourceDataSetId": mine.shared["DataSetId"], "ReceiverPrincipal": mine.receiver}
            ends = {"EndsAt": _moment(choose.choice((1, 30, 3000)))} if choose.random() < 0.5 else {}
            return {"Name": SHARED, "Description": SHARED, "GrantDistributionScope": "NONE", **given, **ends}
        case "GetDataGrant" | "DeleteDataGrant":
            return of("DataGrantId", [grant for grant, _ in mine.grants])
        case "AcceptDataGrant":
            offered = mine.offers.get(mine.account.id)
            return {"DataGrantArn": offered.pop()} if offered else None
        case "GetReceivedDataGrant":
            return of("DataGrantArn", mine.received)
        case "TagResource" | "UntagResource" | "ListTagsForResource":
            return _tagged(mine, name, choose)
        case "ListEventActions" | "ListJobs" | "ListReceivedDataGrants" | "ListDataSets":
            return {}
    assert name == "ListDataGrants", f"tests/fuzz/requests.py has no good request of {name}"
    return {}


def _tagged(mine: Belongings, name: str, choose: random.Random) -> dict[str, Any]:
    """Tags are the owner's alone, those of what is shared too."""
    arns = [_arn(mine, data_set) for data_set in (*mine.data_sets, mine.shared["DataSetId"])]
    arns += [f"{_arn(mine, data_set)}/revisions/{revision}" for data_set, revision in mine.open]
    keys = [f"key{number}" for number in choose.sample(range(8), 2)]
    match name:
        case "TagResource":
            given: dict[str, Any] = {"Tags": dict.fromkeys(keys, mine.mark)}
        case "UntagResource":
            given = {"TagKeys": keys}
        case _:
            given = {}
    return {"ResourceArn": choose.choice(arns), **given}


def _arn(owner: Belongings, data_set_id: str) -> str:
    return f"arn:aws:dataexchange:us-east-1:{owner.account.id}:data-sets/{data_set_id}"


def _job(mine: Belongings, choose: random.Random) -> dict[str, Any] | None:
    """A job of a type that this exchange can run; it is started by another request, perhaps."""
    kind = choose.choice(("import", "import", "upload", "asset", "assets", "revision"))
    if kind in {"import", "upload"}:
        if not mine.open:
            return None
        data_set_id, revision_id = choose.choice(mine.open)
        place = {"DataSetId": data_set_id, "RevisionId": revision_id}
        if kind == "upload":
            named = {"AssetName": f"{mine.mark}-{choose.getrandbits(32):08x}", "Md5Hash": mine.md5}
            return _of_type("IMPORT_ASSET_FROM_SIGNED_URL", "ImportAssetFromSignedUrl", **named, **place)
        sources = [{"Bucket": mine.bucket, "Key": key} for key in choose.sample(KEYS, 2)]
        return _of_type("IMPORT_ASSETS_FROM_S3", "ImportAssetsFromS3", AssetSources=sources, **place)
    place = dict(choose.choice((mine.shared, mine.entitled)))
    asset_id = place.pop("AssetId")
    match kind:
        case "asset":
            return _of_type("EXPORT_ASSET_TO_SIGNED_URL", "ExportAssetToSignedUrl", AssetId=asset_id, **place)
        case "assets":
            destination = {"AssetId": asset_id, "Bucket": mine.bucket, "Key": f"out/{choose.randrange(20)}"}
            return _of_type(
                "EXPORT_ASSETS_TO_S3", "ExportAssetsToS3", AssetDestinations=[destination], **place
            )
    destination = {
        "Bucket": mine.bucket,
        "RevisionId": place["RevisionId"],
        "KeyPattern": "out/${Asset.Name}",
    }
    return _of_type(
        "EXPORT_REVISIONS_TO_S3",
        "ExportRevisionsToS3",
        DataSetId=place["DataSetId"],
        RevisionDestinations=[destination],
    )


def _of_type(job_type: str, member: str, **details: Any) -> dict[str, Any]:
    return {"Type": job_type, "Details": {member: details}}


def _moment(days: int) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _filled(shape: Shape, named: Mapping[str, Any], text: str, choose: random.Random) -> dict[str, Any]:
    """The named members, what else is required, and some of what is not."""
    asked = dict(named)
    for member in shape.members:
        wanted = member.required or (member.name not in _LEFT_OUT and choose.random() < 0.4)
        of_kind = MODEL.shapes[member.shape]
        if member.name not in asked and wanted and (member.required or of_kind.kind is not Kind.STRUCTURE):
            value = _sample(member.name, of_kind, text, choose)
            if value is not None:
                asked[member.name] = value
    return asked


def _sample(name: str, shape: Shape, text: str, choose: random.Random) -> Any:
    """A value that the shape allows; None where there is none that would mean something."""
    match shape.kind:
        case Kind.STRING if shape.enum:
            return choose.choice(shape.enum)
        case Kind.STRING if name in {"Name", "Description", "Comment", "RevocationComment"}:
            return f"{text} {choose.choice(('', 'é', '数据', 'x' * 100))}"[: shape.maximum or 200].strip()
        case Kind.INTEGER:
            return choose.randint(shape.minimum or 1, shape.maximum or 200)
        case Kind.BOOLEAN:
            return choose.random() < 0.5
        case Kind.MAP if name == "Tags":
            return {f"key{choose.randrange(8)}": "value"}
    return None


# What an account should not ask for


def _spoilt(
    mine: Belongings,
    others: Sequence[Belongings],
    operation: Operation,
    asked: dict[str, Any],
    choose: random.Random,
) -> Call:
    """The request with one thing in it that is wrong, or somebody else's."""
    method, target, headers, body = serialized(operation, asked)
    match choose.randrange(5):
        case 0 | 1:
            asked = _with_strange_value(asked, choose)
            method, target, headers, body = serialized(operation, asked)
        case 2:
            asked = _with_names_of(choose.choice(others), asked)
            method, target, headers, body = serialized(operation, asked)
        case 3:
            broken = (
                body[: len(body) // 2],
                b"[" * 500,
                b"\xff\xfe" + body,
                b"null",
                body + b"}",
                b'{"Name":' + DIGITS.encode() + b"}",
            )
            body = choose.choice(broken)
        case _:
            pairs = [f"{name}={quote(value)}" for name, value in written(choose, _QUERIES, 2).items()]
            target = f"{target}{'&' if '?' in target else '?'}{'&'.join(pairs)}"
            headers = headers | written(choose, _HEADERS, 3)
    return Call(_signed(mine.api, operation.name, method, target, headers, body, mine.mark), asked)


def _with_strange_value(asked: dict[str, Any], choose: random.Random) -> dict[str, Any]:
    """One value, however deep, is another, or is left out."""
    changed: dict[str, Any] = json.loads(json.dumps(asked))
    place: Any = changed
    while place:
        name = choose.choice(sorted(place)) if isinstance(place, dict) else choose.randrange(len(place))
        if isinstance(place[name], dict | list) and place[name] and choose.random() < 0.8:
            place = place[name]
        elif choose.random() < 0.2:
            del place[name]
            break
        else:
            place[name] = choose.choice(_STRANGE)
            break
    return changed


def _with_names_of(other: Belongings, asked: dict[str, Any]) -> dict[str, Any]:
    """What the request names is somebody else's."""
    theirs = {
        "JobId": other.jobs[-1] if other.jobs else SOME_ID,
        "EventActionId": other.event_actions[-1] if other.event_actions else SOME_ID,
        "DataGrantId": other.grants[-1][0] if other.grants else SOME_ID,
        "SourceDataSetId": other.shared["DataSetId"],
        "ResourceArn": _arn(other, other.shared["DataSetId"]),
        "Bucket": other.bucket,
        **other.shared,
    }

    def named(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: theirs.get(name, named(content)) for name, content in value.items()}
        return [named(each) for each in value] if isinstance(value, list) else value

    changed: dict[str, Any] = named(asked)
    return changed


def _mis_signed(mine: Belongings, request: Request, choose: random.Random) -> Request:
    """A good request whose signature proves nothing."""
    headers = dict(request.headers)
    value = headers["authorization"]
    body = request.body
    match choose.randrange(6 if request.what in MODEL.operations else 5):
        case 0:
            del headers["authorization"]
        case 1:
            headers["authorization"] = value[:-8] + "00000000"
        case 2:
            headers["authorization"] = value.replace(mine.account.access_key_id, "AKIAAAAAAAAAAAAAAAAA")
        case 3:
            headers["x-amz-date"] = "20240101T000000Z"
        case 4:
            headers["authorization"] = choose.choice(HEADERS["Authorization"])
        case _:  # what only reads an object has no use for a body, and looks at none
            body = body + b" " if body else b"{}"
    return replace(request, what="stranger", headers=headers, body=body, mark="", refused=True)


# Other ways in


def _to_own_route(mine: Belongings, choose: random.Random) -> Request:
    if mine.jobs and choose.random() < 0.6:
        target, what = f"/entrepot/jobs/{choose.choice(mine.jobs)}/progress", "GetJobProgress"
    else:
        pairs = {"limit": str(choose.randint(1, 100))}
        if choose.random() < 0.3:
            pairs = {name: choose.choice(QUERIES[name]) for name in choose.sample(("cursor", "limit"), 1)}
        target, what = f"/entrepot/events?{urlencode(pairs)}", "ListEvents"
    return _signed(mine.api, what, "GET", target, {}, b"", mine.mark)


def _to_s3(mine: Belongings, choose: random.Random) -> Request:
    """To the bucket that somebody shares a part of."""
    is_good = choose.random() < 0.75
    alias, headers, method = f"/{mine.alias}", {}, choose.choice(("GET", "GET", "HEAD"))
    if choose.random() < 0.4:
        what = "S3 list"
        pairs = {"prefix": choose.choice(("shared/", "shared/deep/", "shared/a"))}
        if choose.random() < 0.7:
            pairs["list-type"] = "2"
        for name, values in {
            "delimiter": ("/", "e"), "max-keys": ("0", "1", "2", "1000"), "encoding-type": ("url",),
            "start-after": ("shared/b",), "marker": ("shared/b",), "fetch-owner": ("true",),
        }.items():  # fmt: skip
            if choose.random() < 0.3:
                pairs[name] = choose.choice(values)
        method = "GET"
        if not is_good:
            pairs |= written(choose, {**QUERIES, "prefix": (*TEXTS, "", "secret/"), "delimiter": TEXTS}, 3)
        target = f"{alias}?{urlencode(pairs, quote_via=quote)}"
    else:
        what = f"S3 {method.lower()}"
        key = choose.choice(SHARED_KEYS)
        if choose.random() < 0.4:
            headers["Range"] = choose.choice(("bytes=0-9", "bytes=5-", "bytes=-7", "bytes=0-100000"))
        if not is_good:
            key = choose.choice((key, *SECRET_KEYS, *TEXTS, "shared/nothing", "shared/../secret/x.txt"))
            headers |= written(choose, {**_HEADERS, "Range": RANGES, "X-Amz-Copy-Source": TEXTS}, 4)
            method = choose.choice((method, method, "PUT", "DELETE", "POST"))
        query = ""
        if not is_good and choose.random() < 0.3:
            query = "?" + urlencode(written(choose, _QUERIES_OF_OBJECTS, 2))
        target = f"{alias}/{quote(key)}{query}"
    if choose.random() < 0.2:
        path, _, query = target.partition("?")
        host = {"Host": "127.0.0.1"}
        signed = mine.s3.presign(
            method,
            path,
            query,
            list(host.items()),
            expires_in_seconds=600,
            timestamp=format_timestamp(time.time()),
        )
        return Request(what, method, f"{path}?{signed}", host | headers, b"", mine.mark)
    request = _signed(mine.s3, what, method, target, headers, b"", mine.mark)
    return _mis_signed(mine, request, choose) if choose.random() < 0.1 else request


def _by_signed_url(mine: Belongings, choose: random.Random) -> Call:
    """To the exchange's own signed URLs, which need no key: whoever has one may use it."""
    is_good = choose.random() < 0.75
    uploads = choose.random() < 0.5 and mine.uploads
    if not uploads and not mine.downloads:
        return Call(_to_own_route(mine, choose), {})
    asked = {}
    if uploads:
        upload = choose.choice(mine.uploads)
        url, method, body = upload.url, "PUT", upload.content
        headers, asked = {"Content-MD5": upload.md5}, {"JobId": upload.job}
    else:
        url, method, body = choose.choice(mine.downloads), choose.choice(("GET", "GET", "HEAD")), b""
        headers = {"Range": "bytes=0-4"} if choose.random() < 0.4 else {}
    what, cut_after, refused = f"signed URL {method.lower()}", None, False
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}"
    if not is_good:
        match choose.randrange(6):
            case 0:
                target, refused = target[:-6] + "000000", True
            case 1:
                refused = method != "HEAD"
                method = "PUT" if method == "GET" else "GET"
            case 2 if uploads:
                cut_after = choose.randrange(len(body))
            case 3 if uploads:
                headers["Content-MD5"] = choose.choice((_DIGEST_OF_NOTHING, *TEXTS))
                body, refused = b"other bytes", True
            case 4 if uploads:
                chunk = b"%x\r\n%s\r\n" % (len(body), body)
                headers["Transfer-Encoding"] = "chunked"
                body = choose.choice(
                    (chunk + b"0\r\n\r\n", chunk + b"-1\r\n\r\n", b"zz\r\n", chunk + b"0\r\na: b\r\n\r\n")
                )
            case _:
                headers |= written(choose, {**_HEADERS, "Range": RANGES}, 5)
                target += "&" + urlencode(written(choose, QUERIES, 1)) if choose.random() < 0.3 else ""
    headers = {"Host": "127.0.0.1", **headers}
    return Call(Request(what, method, target, headers, body, mine.mark, refused, cut_after), asked)
