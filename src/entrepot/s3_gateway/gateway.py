"""The life of a request to the S3 gateway, in the order of its stages:

understand    operation, access point and key: from the path, or from the host's name
refuse        whatever is not reading, before anything of it is looked at
authenticate  as everywhere else on this port
resolve       what is shared behind that name with this account, at this moment; else there is no bucket
allow         the key is among what is shared
open          the provider's bucket, for the provider's account: what its owner may no longer read, nobody
              may
answer        stream, list, or say where and that it is
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

from entrepot.database.connection import Connection
from entrepot.domain.errors import (
    AuthenticationFailed,
    EntrepotError,
    InvalidStoreRequest,
    ObjectChanged,
    ObjectNotFound,
)
from entrepot.domain.scope import Scope
from entrepot.domain.timestamp import Timestamp
from entrepot.entitlements.visibility import shared_buckets
from entrepot.entitlements.visibility.shared_buckets import SharedBucket
from entrepot.http.messages import Header, HttpRequest
from entrepot.operations.page_tokens import PageTokens
from entrepot.s3_gateway.buckets import BucketAnswers, opened
from entrepot.s3_gateway.objects import ObjectPassage
from entrepot.s3_gateway.provider_objects import ObjectRequest
from entrepot.s3_gateway.provider_threads import ProviderThreads
from entrepot.s3_gateway.request_headers import require_honoured
from entrepot.s3_gateway.s3_errors import (
    INTERNAL_ERROR,
    KEY_TOO_LONG,
    NO_SUCH_BUCKET,
    NO_SUCH_KEY,
    NOT_SHARED,
    READ_ONLY,
    UNKNOWN_AUTHORIZATION,
    ObjectProblem,
    ObjectRefused,
    problem_of_error,
    problem_of_signature,
    problem_response,
)
from entrepot.s3_gateway.s3_request import S3Call, S3Operation, understood
from entrepot.sigv4.verification import Authenticator, Principal
from entrepot.transfer.user_buckets import Buckets
from entrepot.wire.asgi import (
    CLOSE,
    AsgiScope,
    ClientDisconnected,
    Message,
    Receive,
    Send,
    connection_headers,
    header,
    send_response,
)
from entrepot.wire.pipeline import AuditEntry, AuditSink

_LONGEST_KEY_BYTES = 1024
_CLIENT_GONE = 499
_USUAL = (ObjectNotFound, ObjectChanged, InvalidStoreRequest)
"""Errors that are the answer to a client's question, and no trouble of the exchange."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class GatewayParts:
    database: Connection
    authenticator: Authenticator
    buckets: Buckets
    own_bucket: str | None
    """Where the exchange keeps its own bytes; None where that is no bucket."""
    page_tokens: PageTokens
    clock: Callable[[], Timestamp]
    audit: AuditSink
    threads: ProviderThreads
    count_sent: Callable[[int], None]
    random_bytes: Callable[[int], bytes]


class _RequestState:
    """What is known of one request so far, and its answer as it goes out."""

    def __init__(self, request_id: str, receive: Receive, send: Send) -> None:
        self.request_id = request_id
        self.headers: tuple[Header, ...] = ((b"x-amz-request-id", request_id.encode("ascii")),)
        self.operation = S3Operation.OTHER
        self.principal: Principal | None = None
        self.error_code: str | None = None
        self.receive = receive
        self.has_begun = False
        self._send = send

    async def send(self, message: Message) -> None:
        self.has_begun = True
        await self._send(message)


class S3Gateway:
    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self._passage = ObjectPassage(parts.threads, parts.count_sent)
        self._answers = BucketAnswers(parts.threads, parts.page_tokens, parts.own_bucket)

    async def answer(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Answers one request; never raises, but for cancellation."""
        started_ns, now = perf_counter_ns(), self._parts.clock()
        state = _RequestState(self._parts.random_bytes(8).hex().upper(), receive, send)
        try:
            status = await self._answer(scope, state, now)
        except ClientDisconnected:
            status = _CLIENT_GONE
        except ObjectRefused as refused:
            status = await self._refuse(scope, state, refused.problem)
        except AuthenticationFailed as error:
            status = await self._refuse(scope, state, problem_of_signature(error))
        except EntrepotError as error:
            level = logging.INFO if isinstance(error, _USUAL) else logging.WARNING
            _log.log(level, "request %s to the S3 gateway failed: %s", state.request_id, error)
            status = await self._refuse(scope, state, problem_of_error(error))
        except Exception:  # noqa: BLE001 - a client always gets an answer
            _log.exception("request %s to the S3 gateway failed", state.request_id)
            status = await self._refuse(scope, state, INTERNAL_ERROR)
        self._record(state, now, status, (perf_counter_ns() - started_ns) // 1000)

    async def _answer(self, scope: AsgiScope, state: _RequestState, now: Timestamp) -> int:
        request = HttpRequest(
            scope["method"], scope["raw_path"].decode("latin-1"), scope["query_string"], scope["headers"], b""
        )
        call = understood(request)
        state.operation = call.operation
        if call.operation is S3Operation.OTHER:
            # Not one byte of a body is read, and so its hash, which is signed, is not asked for either.
            raise ObjectRefused(READ_ONLY)
        if "AWSAccessKeyId" in call.query:
            raise ObjectRefused(UNKNOWN_AUTHORIZATION)
        state.principal = await self._parts.authenticator.authenticate(request, now)
        _require_s3(state.principal)
        account = state.principal.scope
        shared = await self._shared(account, call, now)
        if shared is None:
            raise ObjectRefused(NO_SUCH_BUCKET)
        require_honoured(call.headers, shared.owner_id)
        if call.key:
            return await self._object(state, account, call, shared)
        buckets = await self._parts.buckets.of_account(shared.owner_id)
        response = await self._answers.answer(account, call, shared, buckets)
        await send_response(state.send, response, extra=state.headers)
        return response.status

    async def _shared(self, account: Scope, call: S3Call, now: Timestamp) -> SharedBucket | None:
        """What is shared with the account, at this moment, under the name that the request uses."""
        database = self._parts.database
        if call.alias is not None:
            return await shared_buckets.of_alias(database, account, call.alias, now)
        if call.access_point is not None:
            return await shared_buckets.of_access_point(database, account, call.access_point, now)
        return None

    async def _object(self, state: _RequestState, account: Scope, call: S3Call, shared: SharedBucket) -> int:
        if not shared.objects.include(call.key):
            # Clients that think in folders ask for those above what is shared, and expect that there is none.
            raise ObjectRefused(NO_SUCH_KEY if shared.objects.leads_to(call.key) else NOT_SHARED)
        if len(call.key.encode()) > _LONGEST_KEY_BYTES:
            raise ObjectRefused(KEY_TOO_LONG)
        buckets = await self._parts.buckets.of_account(shared.owner_id)
        view = await self._parts.threads.run(shared.owner_id, opened, buckets, shared.bucket, call.key)

        async def may_read() -> bool:
            return await self._shared(account, call, self._parts.clock()) == shared

        asked = ObjectRequest(
            shared.owner_id,
            call.key,
            call.query,
            call.headers,
            is_head=call.operation is S3Operation.HEAD_OBJECT,
        )
        return await self._passage.answer(asked, view, (state.receive, state.send), may_read, state.headers)

    async def _refuse(self, scope: AsgiScope, state: _RequestState, problem: ObjectProblem) -> int:
        state.error_code = problem.code
        if not state.has_begun:  # else it is too late to say anything, and the connection is cut
            response = problem_response(problem, state.request_id)
            await send_response(state.send, response, extra=_end_of_connection(scope))
        return problem.status

    def _record(self, state: _RequestState, now: Timestamp, status: int, duration_us: int) -> None:
        principal = state.principal
        self._parts.audit.record(
            AuditEntry(
                at=now,
                request_id=state.request_id,
                account_id=None if principal is None else principal.scope.account_id,
                access_key_id=None if principal is None else principal.access_key_id,
                operation=state.operation.value,
                status=status,
                error_code=state.error_code,
                duration_us=duration_us,
            )
        )


def _end_of_connection(scope: AsgiScope) -> tuple[Header, ...]:
    """Ends the connection where a body may or may not follow, or is too long to be received in vain."""
    if scope["method"] in {"GET", "HEAD"}:
        return ()
    return CLOSE if header(scope, b"expect") is not None else connection_headers(scope)


def _require_s3(principal: Principal) -> None:
    """Raises `AuthenticationFailed` for a signature that was made for another service.

    Only where signatures are not asked for there is none at all.
    """
    if principal.service != "s3" and principal.access_key_id is not None:
        raise AuthenticationFailed(
            "InvalidSignatureException", "Credential should be scoped to correct service: 's3'."
        )
