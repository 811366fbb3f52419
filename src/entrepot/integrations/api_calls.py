"""Calls of the APIs behind API assets: to where the setting leads, signed for Amazon API Gateway."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from entrepot.domain.api_call import (
    LARGEST_PAYLOAD_BYTES,
    LONGEST_ANSWER_SECONDS,
    ApiAnswer,
    ApiRequest,
    Header,
)
from entrepot.domain.api_endpoint import ApiEndpoints, ApiTarget
from entrepot.domain.errors import IntegrationNotConfigured, IntegrationUnavailable, StoreAccessDenied
from entrepot.domain.scope import Scope
from entrepot.integrations.guarded_http import GuardedHttp, GuardedResponse
from entrepot.sigv4.arithmetic import format_timestamp
from entrepot.sigv4.signer import Signer

if TYPE_CHECKING:
    from entrepot.stores.credentials import CredentialSource

_SERVICE = "execute-api"


class GuardedApiCalls:
    """Sends calls by `GuardedHttp`; a host that the operator chose may be anywhere."""

    def __init__(self, endpoints: ApiEndpoints, http: GuardedHttp, credentials: CredentialSource) -> None:
        """`credentials` are the server's own, asked for when a call must be signed."""
        self._endpoints = endpoints
        self._http = http
        self._credentials = credentials

    def target(self, api_id: str, stage: str, owner: Scope) -> ApiTarget | None:
        return self._endpoints.find(api_id, stage, owner)

    async def send(self, request: ApiRequest) -> ApiAnswer:
        """Sends it, and returns when the head of the answer is there. The body must be closed.

        Raises `TargetForbidden`, `IntegrationRefused`, `IntegrationUnavailable` (also for an answer that
        declares more than `LARGEST_PAYLOAD_BYTES`), and `IntegrationNotConfigured` where the server has no
        credentials to sign with.
        """
        path = request.path or ("" if urlsplit(request.target.url).path else "/")
        url = f"{request.target.url}{path}" + (f"?{request.query}" if request.query else "")
        headers = await self._signed(request, url)
        async with AsyncExitStack() as stack:
            response = await stack.enter_async_context(
                self._http.send(
                    request.method,
                    url,
                    headers,
                    request.body,
                    timeout_seconds=LONGEST_ANSWER_SECONDS,
                    trusted=request.target.trusted,
                )
            )
            _require_usable(response)
            return ApiAnswer(response.status, response.headers, _Body(response, stack.pop_all()))

    async def _signed(self, request: ApiRequest, url: str) -> Sequence[Header]:
        region = request.target.signing_region
        if region is None:
            return request.headers
        try:
            credentials = await asyncio.to_thread(self._credentials.get)
        except StoreAccessDenied as error:
            raise IntegrationNotConfigured(
                "Calls to Amazon API Gateway are signed with the server's own AWS credentials, and it has "
                "none: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY on the server, or give it a profile "
                "or a role."
            ) from error
        parts = urlsplit(url)
        kept = [header for header in request.headers if header[0].lower() != b"authorization"]
        ours = [header for header in kept if header[0].lower().startswith(b"x-amz")]
        added = Signer(credentials, region=region, service=_SERVICE).sign_headers(
            request.method,
            parts.path or "/",
            parts.query,
            [("host", parts.netloc), *((name.decode(), value.decode()) for name, value in ours)],
            payload_hash=hashlib.sha256(request.body).hexdigest(),
            timestamp=format_timestamp(int(time.time())),
        )
        return [*kept, *((name.encode(), value.encode()) for name, value in added)]

    async def aclose(self) -> None:
        await self._http.aclose()


class _Body:
    def __init__(self, response: GuardedResponse, held: AsyncExitStack) -> None:
        self._response = response
        self._held = held
        self._received = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._response)
        self._received += len(chunk)
        if self._received > LARGEST_PAYLOAD_BYTES:
            raise IntegrationUnavailable(_TOO_LARGE)
        return chunk

    async def aclose(self) -> None:
        await self._held.aclose()


_TOO_LARGE = f"The answer is larger than {LARGEST_PAYLOAD_BYTES} bytes, the most that an API may answer."


def _require_usable(response: GuardedResponse) -> None:
    if not 200 <= response.status <= 599:
        raise IntegrationUnavailable(f"The answer has the status {response.status}, which is none of HTTP.")
    for name, value in response.headers:
        if name.lower() == b"content-length" and int(value) > LARGEST_PAYLOAD_BYTES:
            raise IntegrationUnavailable(_TOO_LARGE)
