"""SendApiAsset on the wire: the operation whose requests and answers are other people's HTTP.

SDKs send `POST /v1` with all that they have to say in headers. Everybody else may send any verb to
`/v1/any/path?any=query` at the host `api-fulfill.…`; a header then still counts for more than the URL. What
the service model can say is read as for every operation; the rest is taken as it was sent, so that neither
the order of a query nor a byte of a body is lost.
"""

from __future__ import annotations

from dataclasses import replace

from entrepot.domain.api_call import ApiAnswer, ApiCall, Header, answer_headers
from entrepot.domain.errors import ResourceNotFound
from entrepot.http.messages import HttpRequest, HttpResponse
from entrepot.model import shapes

SEND_API_ASSET = "SendApiAsset"
HOST_PREFIX = b"api-fulfill."
"""SDKs put it before the host of the endpoint."""
_ROOT = "/v1"


def is_for_an_api(request: HttpRequest) -> bool:
    """Whether the request came to the host of APIs, where every verb and path below /v1 is a call.

    Raises `ResourceNotFound` for any other path there.
    """
    for name, value in request.headers:
        if name == b"host":
            if not value.lower().startswith(HOST_PREFIX):
                return False
            if request.raw_path == _ROOT or request.raw_path.startswith(f"{_ROOT}/"):
                return True
            raise ResourceNotFound(
                f"APIs are called at {_ROOT} and below it; see SendApiAsset.",
                resource_id=None,
                resource_type=None,
            )
    return False


def request_without_payload(request: HttpRequest) -> HttpRequest:
    """The request as the service model reads it: the asset, the verb and the path, which are headers."""
    return replace(request, body=b"", query_string=b"")


def api_call(request: HttpRequest, named: shapes.SendApiAssetRequest) -> ApiCall:
    path = request.raw_path.removeprefix(_ROOT).encode("latin-1")
    return ApiCall(
        data_set_id=named.data_set_id,
        revision_id=named.revision_id,
        asset_id=named.asset_id,
        method=request.method if named.method is None else named.method,
        path=path if named.path is None else named.path.encode(),
        query=request.query_string,
        headers=request.headers,
        body=request.body,
    )


def api_response(call: ApiCall, answer: ApiAnswer, request: HttpRequest, request_id: str) -> HttpResponse:
    """The API's answer, whatever its status; only the request id is ours."""
    length = _length(
        answer, called_by_head=call.method.upper() == "HEAD", asked_by_head=request.method == "HEAD"
    )
    headers: list[Header] = [(b"x-amzn-requestid", request_id.encode()), *answer_headers(answer.headers)]
    if length is not None:
        headers.append((b"content-length", length))
    return HttpResponse(answer.status, headers, b"", answer.body)


def _length(answer: ApiAnswer, *, called_by_head: bool, asked_by_head: bool) -> bytes | None:
    """What the response says of its length; None where it says nothing, and a body comes in chunks."""
    if answer.status in (204, 304):  # without a body, whatever is declared
        return None
    if called_by_head and not asked_by_head:  # the API declared the length of a body that it did not send
        return b"0"
    return next((value for name, value in answer.headers if name.lower() == b"content-length"), None)
