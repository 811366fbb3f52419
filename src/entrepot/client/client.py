"""Calls operations of an exchange: what all commands of this program that talk to one are built on."""

from __future__ import annotations

import sys
import time

import entrepot
from entrepot.client.client_errors import (
    ClientError,
    RequestNotSendable,
    ServiceAnswer,
    TransportError,
    UnreadableAnswer,
)
from entrepot.client.response import as_sent, parse_error, parse_json, parse_output
from entrepot.client.serializer import Request, serialize, with_token
from entrepot.client.timestamp import to_iso8601
from entrepot.client.validation import validate
from entrepot.http.answer import ConnectionFailed
from entrepot.http.connection import Connection, Trust
from entrepot.http.url import request_url, takes_host_prefix
from entrepot.sigv4.arithmetic import format_timestamp, payload_hash
from entrepot.sigv4.signer import Signer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from entrepot.client.command_line_model import Operation
    from entrepot.client.credentials import Credentials
    from entrepot.client.retries import RequestRate, Retries
    from entrepot.client.target import Target
    from entrepot.http.answer import Answer
    from entrepot.http.url import Endpoint, Url

_USER_AGENT = (
    "User-Agent",
    f"entrepot/{entrepot.__version__} os/{sys.platform} "
    f"lang/python#{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}",
)


_ANSWER_BYTES = 64 * 1024 * 1024
"""No answer of the API is half as long: a page of 200 jobs, each of 100 objects with the longest keys."""
_ANSWER_SECONDS = 600.0


class Client:
    """One exchange, and one identity there. Keeps its connection open between calls; one for each thread."""

    def __init__(
        self,
        target: Target,
        *,
        timestamps: str = "iso8601",
        log: Callable[[str], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timestamps` is `iso8601` or `wire` (as the service wrote them).

        `log` is given lines that tell what happens, free of secrets. `sleep` is called between tries.
        """
        self._target = target
        self._read_timestamp = as_sent if timestamps == "wire" else to_iso8601
        self._log = log
        self._sleep = sleep
        self._connections: dict[str, Connection] = {}
        self._trust = Trust(target.verify)
        self._retries: Retries | None = None
        self._rate: RequestRate | None = None
        self._signer: Signer | None = None
        if target.retry_mode == "adaptive":
            from entrepot.client.retries import RequestRate

            self._rate = RequestRate(sleep=sleep)

    def call(self, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The operation's answer: the model's members in the model's order, timestamps as texts.

        Raises `ParameterError` where parameters are not as the model wants them, `ServiceAnswer` where the
        answer is an error, `TransportError` where there is none, and other `ClientError`s.
        """
        parameters = with_token(operation, parameters)
        if self._target.validate_parameters:
            validate(parameters, operation.input)
        answer = self._try(serialize(operation, parameters), operation.name)
        return parse_output(operation, answer, self._read_timestamp)

    def call_as_sent(self, operation: Operation, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The same, as the service wrote it: for those who read long answers and need no order in them."""
        return self._json_object(serialize(operation, parameters), operation.name)

    def get_json(self, path: str, name: str) -> dict[str, Any]:
        """What a signed GET of a path outside of the API gives, which is a JSON object.

        `name` stands for an operation's in messages. Raises as `call` does.
        """
        return self._json_object(Request("GET", path), name)

    def post_json(self, path: str, name: str) -> dict[str, Any]:
        """What a signed POST without a body gives, of a path outside of the API; else as `get_json`."""
        return self._json_object(Request("POST", path), name)

    def _json_object(self, request: Request, name: str) -> dict[str, Any]:
        value = parse_json(self._try(request, name).body)
        if not isinstance(value, dict):
            raise UnreadableAnswer(f"The answer to {name} is no JSON object.")
        return value

    def close(self) -> None:
        """Ends the connections; a further call opens one again."""
        for connection in self._connections.values():
            connection.close()

    def _try(self, request: Request, name: str) -> Answer:
        """Sends until it succeeds or may not be tried again; gives the answer of a success."""
        attempt = 1
        while True:
            error, code = None, ""
            try:
                answer = self._send(request)
            except TransportError as failure:
                error = failure
                wait = self._wait_after(attempt, error, 0, code)
            else:
                if answer.status < 300:
                    self._succeeded(attempt)
                    return answer
                code, text = parse_error(answer)
                wait = self._wait_after(attempt, None, answer.status, code)
            if wait is not None:
                self._tell(f"attempt {attempt} of {self._target.max_attempts} failed; next in {wait:.3f} s")
                self._sleep(wait)
                attempt += 1
                continue
            if error is not None:
                raise error
            retries = attempt - 1 if attempt >= self._target.max_attempts else None
            raise ServiceAnswer(
                code, text, operation_name=name, status=answer.status, retries=retries, body=answer.body
            )

    def _wait_after(self, attempt: int, error: TransportError | None, status: int, code: str) -> float | None:
        from entrepot.client.retries import THROTTLING_CODES, Failure, Retries

        if error is not None:
            # Without the query, which may hold what somebody else keeps secret.
            self._tell(f"{type(error).__name__}: {error.message.partition('?')[0]}")
        if self._rate is not None:
            self._rate.after_answer(throttled=code in THROTTLING_CODES)
        if self._retries is None:
            self._retries = Retries(self._target.max_attempts)
        return self._retries.wait_after(attempt, Failure(error, status, code))

    def _succeeded(self, attempt: int) -> None:
        if self._rate is not None:
            self._rate.after_answer(throttled=False)
        if self._retries is not None:
            self._retries.succeeded(attempt)

    def _send(self, request: Request) -> Answer:
        """Signs and sends once. Raises `TransportError`, and what finding the keys raises."""
        # The AWS CLI puts the prefix before addresses, too, and then finds no host; an exchange on this
        # machine is to be reached, and answers at its own address as well.
        base = self._target.endpoint_url
        prefix = request.host_prefix if takes_host_prefix(base) else None
        try:
            url = request_url(base, request.path, request.query, prefix)
        except ValueError as error:
            raise ClientError(str(error)) from error
        endpoint, method, body = url.endpoint, request.method, request.body
        host = ("Host", endpoint.authority)
        credentials = self._target.signing_credentials()
        signature: list[tuple[str, str]] = []
        if credentials is not None:
            signature = self._signer_of(credentials).sign_headers(
                method,
                url.path,
                url.query,
                [host, *request.headers],
                payload_hash=payload_hash(body),
                timestamp=format_timestamp(time.time()),
            )
        headers = [host, ("Accept-Encoding", "identity"), *request.headers, _USER_AGENT, *signature]
        if method not in {"GET", "HEAD"}:
            headers.append(("Content-Length", str(len(body))))
        if self._rate is not None:
            self._rate.before_sending()
        if self._log is not None:
            for line in describe(method, url, headers, hides_query=request.host_prefix is not None):
                self._log(line)
        answer = exchange(self._connection_to(endpoint), method, url, headers, body)
        self._tell(f"{answer.status} {answer.reason}, {len(answer.body)} bytes")
        return answer

    def _signer_of(self, credentials: Credentials) -> Signer:
        if self._signer is None or self._signer.credentials is not credentials:
            target = self._target
            self._signer = Signer(credentials, region=target.region, service=target.signing_name)
        return self._signer

    def _connection_to(self, endpoint: Endpoint) -> Connection:
        connection = self._connections.get(endpoint.authority)
        if connection is None:
            target = self._target
            connection = self._connections[endpoint.authority] = Connection(
                endpoint,
                self._trust,
                (target.connect_timeout, target.connect_timeout, target.read_timeout),
                proxy_url=target.proxy_url,
                tcp_keepalive=target.tcp_keepalive,
                like_http_client=True,
            )
            connection.answer_seconds = _ANSWER_SECONDS
        return connection

    def _tell(self, line: str) -> None:
        if self._log is not None:
            self._log(line)


def exchange(
    connection: Connection, method: str, url: Url, headers: list[tuple[str, str]], body: bytes
) -> Answer:
    """Sends a request once and reads its answer to the end; redirects are answers like any other.

    Raises a `TransportError`, whose text is that of the AWS CLI.
    """
    for name, value in headers:
        if not name or ":" in name or "\n" in name or "\r" in name or name[0].isspace() or not name.isascii():
            raise RequestNotSendable(f"Invalid header name {name.encode()!r}")
        if "\n" in value or "\r" in value:
            raise RequestNotSendable(f"Invalid header value {value.encode()!r}")
    try:
        answer = connection.exchange(method, url.target, headers, body)
        answer.read(_ANSWER_BYTES)
    except ConnectionFailed as failure:
        from entrepot.client.transport import transport_error

        raise transport_error(failure, connection, url.text) from failure
    return answer


_SHOWN = frozenset({"accept-encoding", "content-length", "content-type", "host", "user-agent", "x-amz-date"})
_DIGITS_OF_A_SIGNATURE = 8


def describe(method: str, url: Url, headers: list[tuple[str, str]], *, hides_query: bool) -> list[str]:
    """Lines for the request and each header. Keys, tokens and what is passed on to others is not in them.

    With `hides_query` the query's values are not either.
    """
    query = url.query
    if hides_query and query:
        query = "&".join([part.partition("=")[0] + "=..." for part in query.split("&")])
    address = f"{url.endpoint.scheme}://{url.endpoint.authority}{url.path}"
    return [
        f"{method} {address}{'?' if query else ''}{query}",
        *[f"{name}: {_shown(name.lower(), value)}" for name, value in headers],
    ]


def _shown(name: str, value: str) -> str:
    if name in _SHOWN:
        return value
    if name == "authorization":
        everything_else, mark, signature = value.rpartition("Signature=")
        return f"{everything_else}{mark}{signature[:_DIGITS_OF_A_SIGNATURE]}..."
    return "..."
