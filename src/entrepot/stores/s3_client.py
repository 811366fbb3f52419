"""One S3 endpoint: requests are addressed, signed, sent, sent again where that helps, and their errors named.

The course of a request:

    address (path or virtual-host style) → its turn, at an endpoint that throttles → sign → send → success
        ├─ connection lost while idle          → at once, once, on a new connection
        ├─ another Region                      → remembered for the bucket, signed anew, at most 3 times
        ├─ another address                     → followed from host to host of AWS, refused by all others
        ├─ credentials expired, clock wrong    → renewed or adjusted, once each
        ├─ overloaded, failing, unreachable,   → again after a random pause (full jitter), at most 5 attempts
        │  or damaged on the way
        └─ anything else                       → the StoreError that says it

Every request of this client may be sent twice: S3 overwrites with the same bytes.
"""

from __future__ import annotations

import random
import re
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import quote, urlsplit

from entrepot.domain.bucket_permission import BUCKET_NAME
from entrepot.domain.errors import ConfigurationError, InvalidStoreRequest, StoreError
from entrepot.http.answer import Answer, ConnectionFailed
from entrepot.http.pool import ConnectionOptions, ConnectionPool
from entrepot.http.url import Endpoint, parse_web_url
from entrepot.sigv4.arithmetic import (
    EMPTY_PAYLOAD_HASH,
    UNSIGNED_PAYLOAD,
    encode_query,
    format_timestamp,
    payload_hash,
)
from entrepot.sigv4.signature_parameters import Credentials
from entrepot.sigv4.signer import Signer
from entrepot.stores.credentials import CredentialSource
from entrepot.stores.s3_errors import Refusal, store_error, unreachable
from entrepot.stores.s3_throttle import NoTurn, Throttle
from entrepot.stores.s3_xml import ErrorDocument, error_document
from entrepot.stores.store import BeforeWrite, Reader

_ANSWER_LIMIT_BYTES = 32 * 1024 * 1024
_ERROR_LIMIT_BYTES = 1024 * 1024
_ANSWER_LIMIT_SECONDS = 60 * 60
"""S3 keeps a connection alive with blanks while it copies or completes, which may take minutes."""
_REDIRECTS = 3
_SKEW_SECONDS = 240
"""Amazon S3 refuses beyond 15 minutes; clocks that are nearer than this are not the reason of a refusal."""
_REGION = re.compile(r"[a-z0-9-]{1,40}")
_AWS_HOST = re.compile(
    r"(?:[a-z0-9.-]+\.)?s3[a-z0-9-]*(?:\.(?:dualstack|vpce|[a-z]{2,4}(?:-[a-z]+)+-\d+))*\.amazonaws\.com(?:\.cn)?"
)
"""Hosts of Amazon S3: by Region, dual-stack, accelerated, in a VPC, or temporary as `s3-4c25d83b`."""
_SHOWN_LETTERS = 500
_HOST_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Taken = TypeVar("Taken")


@dataclass(frozen=True, slots=True)
class S3Options:
    """How patient the client is. Times are seconds."""

    connection: ConnectionOptions = field(default_factory=ConnectionOptions)
    attempts: int = 5
    pause_seconds: float = 0.1
    """The first pause is random up to this; each further one up to twice the one before."""
    longest_pause_seconds: float = 5.0
    total_seconds: float = 150.0
    """No attempt begins later than this after the first."""
    path_style: bool | None = None
    """None: virtual-host style on AWS, path style everywhere else."""


@dataclass(frozen=True, slots=True)
class S3Request:
    operation: str
    """As S3 calls it, for messages."""
    method: str
    bucket: str
    key: str | None = None
    query: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    body: memoryview | Reader | None = None
    size_bytes: int = 0

    @property
    def is_repeatable(self) -> bool:
        """Whether the body can be sent again."""
        return self.body is None or isinstance(self.body, memoryview)


class _Refused(Exception):
    def __init__(self, refusal: Refusal, headers: dict[str, str]) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal
        self.headers = headers


class _RequestState:
    """What has been learned and tried in the course of one request."""

    __slots__ = (
        "adjusted",
        "attempt",
        "credentials",
        "deadline",
        "origin",
        "redirects",
        "refreshed",
        "region",
    )

    def __init__(self, region: str, deadline: float) -> None:
        self.region = region
        self.deadline = deadline
        self.attempt = 1
        self.redirects = 0
        self.refreshed = False
        self.adjusted = False
        self.origin: Endpoint | None = None
        self.credentials: Credentials | None = None


class S3Client:
    """A thread-safe client of one endpoint with one source of credentials.

    It sends requests to this endpoint and nowhere else, whatever the endpoint says; hosts of Amazon S3 alone
    may pass it on to each other.

    `endpoint_url` None is AWS. `before_write` is asked before each sending of a request that writes. Clients
    that share a `throttle` slow down together. Raises `ConfigurationError` for an endpoint or a proxy that is
    no usable URL.
    """

    def __init__(
        self,
        credentials: CredentialSource,
        *,
        endpoint_url: str | None = None,
        region: str = "us-east-1",
        options: S3Options | None = None,
        before_write: BeforeWrite | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._options = options or S3Options()
        self._before_write = before_write
        self._throttle = throttle or Throttle()
        self._endpoint: Endpoint | None = None
        self._base_path = ""
        if endpoint_url is not None:
            try:
                self._endpoint = parse_web_url(endpoint_url)
            except ValueError as error:
                raise ConfigurationError(
                    f"The S3 endpoint {endpoint_url!r} must have the form http(s)://host[:port]."
                ) from error
            self._base_path = urlsplit(endpoint_url).path.rstrip("/")
        self.endpoint_name = endpoint_url or "Amazon S3"
        """The endpoint as messages call it."""
        self._pool = ConnectionPool(self._options.connection)
        self._closing = threading.Event()
        self._regions: dict[str, str] = {}
        self._signers: dict[str, Signer] = {}
        self._skew_seconds = 0.0
        self._accepted: Credentials | None = None
        """Those of the last success: where their signature is refused, something else is wrong."""

        self.compares_targets = True
        """Whether the endpoint is not known to refuse conditions on writes."""

    def call(self, request: S3Request) -> Answer:
        """Sends the request and reads the whole answer, an error inside a success included.

        Raises a `StoreError`.
        """
        return self._run(request, _read_whole)

    def stream(self, request: S3Request, *, accepted: Collection[int] = ()) -> Answer:
        """Sends the request; the body of the answer is for the caller to read and close.

        Answers with a status in `accepted` are not errors. Raises a `StoreError`; reading the body raises
        `ConnectionFailed`.
        """
        return self._run(request, lambda answer: answer, accepted)

    def presign(self, request: S3Request, *, expires_in_seconds: int) -> str:
        """A URL that carries the request's signature for 1 s to 7 days; its headers must be sent with it.

        Raises `InvalidStoreRequest` for another lifetime, and `StoreAccessDenied` without credentials.
        """
        state = _RequestState(self._regions.get(request.bucket, self._region), 0.0)
        origin, path = self._address(request, state)
        signer = self._signer(self._credentials.get(), state.region)
        try:
            query = signer.presign(
                request.method,
                path,
                encode_query(request.query),
                [("host", origin.authority), *request.headers],
                expires_in_seconds=expires_in_seconds,
                timestamp=format_timestamp(time.time() + self._skew_seconds),
            )
        except ValueError as error:
            raise InvalidStoreRequest(f"The URL cannot be signed: {error}.", bucket=request.bucket) from error
        return f"{origin.url}{path}?{query}"

    def close(self) -> None:
        """Ends idle connections and pauses between attempts; requests under way end by themselves."""
        self._closing.set()
        self._pool.close()

    def retire(self) -> None:
        """Keeps no connections from now on; whoever still has this client can go on with it."""
        self._pool.close()

    def is_same_service(self, other: S3Client) -> bool:
        """Whether the other client has the same endpoint and the same credentials: then it can copy."""
        return self is other or (
            self.endpoint_name == other.endpoint_name and self._credentials.get() == other._credentials.get()
        )

    def _run(
        self, request: S3Request, take: Callable[[Answer], Taken], accepted: Collection[int] = ()
    ) -> Taken:
        region = self._regions.get(request.bucket, self._region)
        state = _RequestState(region, time.monotonic() + self._options.total_seconds)
        while True:
            try:
                return self._in_its_turn(request, state, take, accepted)
            except NoTurn:
                refusal = Refusal(503, "SlowDown", "it throttles, and this request was never sent")
                raise self._store_error(request, refusal) from None
            except ConnectionFailed as failure:
                if failure.permanent or not self._may_try_again(request, state, 0.0):
                    raise self._unreachable(request, state, failure) from failure
            except _Refused as refused:
                refusal = refused.refusal
                if request.is_repeatable and self._mend(request, state, refused):
                    continue
                after = _seconds(refused.headers.get("retry-after"))
                passes = refusal.is_retried or (refusal.is_unsigned and state.credentials == self._accepted)
                if not passes or not self._may_try_again(request, state, after):
                    raise self._store_error(request, refusal) from None

    def _in_its_turn(
        self,
        request: S3Request,
        state: _RequestState,
        take: Callable[[Answer], Taken],
        accepted: Collection[int],
    ) -> Taken:
        origin, path = self._address(request, state)
        if not request.is_repeatable:  # reading its body may take other requests, or long: it holds up none
            return _taken(self._exchange(request, state, origin, path), take, accepted)
        with self._throttle.turn(origin.authority, self._closing, state.deadline) as turn:
            try:
                answer = self._exchange(request, state, origin, path)
                turn.throttled = False
                return _taken(answer, take, accepted)
            except _Refused as refused:
                turn.throttled = refused.refusal.is_throttled
                raise

    def _exchange(self, request: S3Request, state: _RequestState, origin: Endpoint, path: str) -> Answer:
        query = encode_query(request.query)
        body = request.body
        credentials = self._credentials.get()
        state.credentials = credentials
        headers = [("host", origin.authority), *request.headers]
        headers += self._signer(credentials, state.region).sign_headers(
            request.method,
            path,
            query,
            headers,
            payload_hash=_payload_hash(request),
            timestamp=format_timestamp(time.time() + self._skew_seconds),
        )
        headers.append(("user-agent", "entrepot"))
        if body is not None or request.method in ("PUT", "POST"):
            headers.append(("content-length", str(request.size_bytes)))
        _check_headers(request, headers)
        if self._before_write is not None and request.method not in ("GET", "HEAD"):
            self._before_write()  # last of all: whatever came before may have taken long
        answer = self._pool.exchange(
            origin,
            request.method,
            f"{path}?{query}" if query else path,
            headers,
            body,
            request.size_bytes,
            fresh=not request.is_repeatable,  # nothing may be lost to a connection that turns out to be dead
        )
        if answer.status < 300:
            self._accepted = credentials
        return answer

    def _address(self, request: S3Request, state: _RequestState) -> tuple[Endpoint, str]:
        bucket = request.bucket
        if BUCKET_NAME.fullmatch(bucket) is None:
            raise InvalidStoreRequest(
                f"{bucket!r} is no name that a bucket can have; mend it.", bucket=bucket, key=request.key
            )
        key_path = "" if request.key is None else "/" + quote(request.key, safe="/-_.~")
        endpoint = self._endpoint
        virtual = endpoint is None if self._options.path_style is None else not self._options.path_style
        virtual = virtual and _HOST_NAME.fullmatch(bucket) is not None  # a dot breaks the certificate
        if endpoint is None:
            suffix = "amazonaws.com.cn" if state.region.startswith("cn-") else "amazonaws.com"
            endpoint = Endpoint("https", f"s3.{state.region}.{suffix}", 443)
        if state.origin is not None:
            endpoint = state.origin
            virtual = endpoint.host.startswith(f"{bucket}.")
        elif virtual:
            endpoint = Endpoint(endpoint.scheme, f"{bucket}.{endpoint.host}", endpoint.port)
        path = key_path or "/" if virtual else f"/{bucket}{key_path}"
        return endpoint, self._base_path + path

    def _signer(self, credentials: Credentials, region: str) -> Signer:
        signer = self._signers.get(region)
        if signer is None or signer.credentials != credentials:
            signer = Signer(credentials, region=region, service="s3")
            self._signers[region] = signer
        return signer

    def _mend(self, request: S3Request, state: _RequestState, refused: _Refused) -> bool:
        """Whether something was learned that lets the same request pass at once."""
        refusal, headers = refused.refusal, refused.headers
        if state.redirects < _REDIRECTS and self._follow(request, state, refused):
            state.redirects += 1
            return True
        if refusal.is_expired and not state.refreshed and state.credentials is not None:
            state.refreshed = True
            return self._credentials.refresh(state.credentials)
        if refusal.code == "RequestTimeTooSkewed" or (refusal.status == 403 and not refusal.code):
            skew = _skew_seconds(headers)
            if not state.adjusted and abs(skew - self._skew_seconds) > _SKEW_SECONDS:
                state.adjusted = True
                self._skew_seconds = skew
                return True
        return False

    def _follow(self, request: S3Request, state: _RequestState, refused: _Refused) -> bool:
        """Turns to the Region, and within AWS to the address, that the refusal names."""
        refusal, region = refused.refusal, refused.headers.get("x-amz-bucket-region", "")
        target, current = None, self._address(request, state)[0]
        if refusal.target:
            target = _named_endpoint(refusal.target, current.scheme)
            if target is None or not (target.url == current.url or (_is_aws(target) and _is_aws(current))):
                return False
        moved = region != state.region and (refusal.is_redirect or refusal.status in (400, 403))
        moved = moved and _REGION.fullmatch(region) is not None
        if moved:
            state.region = self._regions[request.bucket] = region
        if target is None or (moved and self._endpoint is None):  # there the Region names the address
            return moved
        state.origin = target
        return moved or target.url != current.url

    def _may_try_again(self, request: S3Request, state: _RequestState, at_least_seconds: float) -> bool:
        """Pauses before another attempt; False where there is none."""
        options = self._options
        if state.attempt >= options.attempts or not request.is_repeatable:
            return False
        ceiling = min(options.longest_pause_seconds, options.pause_seconds * 2 ** (state.attempt - 1))
        pause = max(random.uniform(0, ceiling), min(at_least_seconds, options.longest_pause_seconds))
        if time.monotonic() + pause > state.deadline:
            return False
        state.attempt += 1
        return not self._closing.wait(pause)

    def _store_error(self, request: S3Request, refusal: Refusal) -> StoreError:
        return store_error(
            refusal,
            endpoint=self.endpoint_name,
            operation=request.operation,
            bucket=request.bucket,
            key=request.key,
        )

    def _unreachable(self, request: S3Request, state: _RequestState, failure: ConnectionFailed) -> Exception:
        tries = f" (attempt {state.attempt})" if state.attempt > 1 else ""
        return unreachable(
            f"{failure}{tries}",
            endpoint=self.endpoint_name,
            operation=request.operation,
            bucket=request.bucket,
            key=request.key,
        )


def _payload_hash(request: S3Request) -> str:
    if request.body is None:
        return EMPTY_PAYLOAD_HASH
    if request.method == "POST" and isinstance(request.body, memoryview):
        return payload_hash(request.body)
    return UNSIGNED_PAYLOAD


def _check_headers(request: S3Request, headers: list[tuple[str, str]]) -> None:
    values = [value for _, value in headers]
    if _CONTROL.search("".join(values)):
        value = next(value for value in values if _CONTROL.search(value))
        raise InvalidStoreRequest(
            f"The value {value!r} cannot be sent: it holds control characters.",
            bucket=request.bucket,
            key=request.key,
        )


def _read_whole(answer: Answer) -> Answer:
    document = error_document(answer.read(_ANSWER_LIMIT_BYTES, _ANSWER_LIMIT_SECONDS))
    if document is not None:
        code, message = document.code[:_SHOWN_LETTERS], document.message[:_SHOWN_LETTERS]
        raise _Refused(Refusal.inside_success(code, message), answer.headers)
    return answer


def _taken(answer: Answer, take: Callable[[Answer], Taken], accepted: Collection[int]) -> Taken:
    if answer.status < 300 or answer.status in accepted:
        return take(answer)
    raise _refused(answer)


def _refused(answer: Answer) -> _Refused:
    document = error_document(answer.read(_ERROR_LIMIT_BYTES, _ANSWER_LIMIT_SECONDS)) or ErrorDocument("", "")
    headers = answer.headers
    if document.region is not None:
        headers.setdefault("x-amz-bucket-region", document.region)
    refusal = Refusal(answer.status, document.code[:_SHOWN_LETTERS], document.message[:_SHOWN_LETTERS])
    if refusal.is_redirect:
        target = headers.get("location") or document.endpoint or ""
        refusal = replace(refusal, target=target[:_SHOWN_LETTERS])
    return _Refused(refusal, headers)


def _named_endpoint(target: str, scheme: str) -> Endpoint | None:
    """Where a redirect leads, a URL or a bare host; None where it is neither."""
    try:
        return parse_web_url(target if "://" in target else f"{scheme}://{target}")
    except ValueError:
        return None


def _is_aws(endpoint: Endpoint) -> bool:
    return endpoint.url == f"https://{endpoint.host}" and _AWS_HOST.fullmatch(endpoint.host) is not None


def _seconds(text: str | None) -> float:
    """A `Retry-After` in seconds; its other form, a date, is not used by S3."""
    return float(text) if text is not None and text.isdecimal() else 0.0


def _skew_seconds(headers: dict[str, str]) -> float:
    """How far the endpoint's clock is ahead of this machine's."""
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp() - time.time()
    except (ValueError, TypeError, OverflowError):
        return 0.0
