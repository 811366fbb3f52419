"""Services of AWS, or of what speaks like them: one factory of clients, one translation of their errors.

Clients are botocore's, which is loaded when the first one is needed, and act with the server's own
credentials: those of the settings, else of AWS's standard chain; never with a user's. `assumed_role` makes
clients that act in a role which a user lends to the exchange.

All of it blocks, and may be called from any thread: `in_thread` makes coroutines of it.

    with answers_of(AwsService.KMS):
        aws.client(AwsService.KMS, "us-east-1").create_grant(…)
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from entrepot.domain.errors import IntegrationError, IntegrationRefused, IntegrationUnavailable
from entrepot.integrations.protocols import not_configured
from entrepot.sigv4.signature_parameters import Credentials

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS = 3.0
READ_SECONDS = 10.0
ATTEMPTS = 2
"""A call has ended, even after the assumption of a role, when a minute has gone: the lease of `access`. What
waits for it in a thread may be cancelled, the thread cannot."""
CLIENTS_KEPT = 64
"""Regions come from users, so that they could be without end; a client is some megabytes."""

_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"})
_BAD_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_PASSING = frozenset(
    {
        "ConcurrentModificationException",
        "OperationTimeoutException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class AwsService(StrEnum):
    """The services this exchange can be told of; the value is botocore's name of it."""

    REDSHIFT = "redshift"
    LAKE_FORMATION = "lakeformation"
    GLUE = "glue"
    KMS = "kms"
    EVENT_BRIDGE = "events"
    STS = "sts"

    @property
    def setting(self) -> str:
        """The environment variable that says where it is."""
        return f"ENTREPOT_{self.name}_ENDPOINT_URL"

    @property
    def full_name(self) -> str:
        return _FULL_NAMES[self]


_FULL_NAMES = {
    AwsService.REDSHIFT: "Amazon Redshift",
    AwsService.LAKE_FORMATION: "AWS Lake Formation",
    AwsService.GLUE: "AWS Glue",
    AwsService.KMS: "AWS KMS",
    AwsService.EVENT_BRIDGE: "Amazon EventBridge",
    AwsService.STS: "AWS STS",
}


@dataclass(frozen=True, slots=True)
class AwsOptions:
    """What the settings say of these services."""

    endpoints: Mapping[AwsService, str | None]
    """None is AWS's own endpoint of each Region; a service that is not in it is not configured."""
    key: Credentials | None = None
    """None: AWS's standard chain of the server's environment."""
    ca_bundle: Path | None = None
    """None: botocore's own certificates."""


class AwsServices:
    """Makes clients, each once, and keeps them; several threads may ask."""

    def __init__(self, options: AwsOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._session: Any = None
        self._clients: OrderedDict[tuple[AwsService, str], Any] = OrderedDict()

    def is_configured(self, service: AwsService) -> bool:
        return service in self._options.endpoints

    def described(self) -> list[tuple[AwsService, str | None]]:
        """Every service with its URL; None where it is AWS's own, "" where it is not configured."""
        return [(service, self._options.endpoints.get(service, "")) for service in AwsService]

    def client(self, service: AwsService, region: str) -> Any:
        """botocore's client, which acts as the server itself.

        Raises `IntegrationNotConfigured` that names the setting, and `IntegrationRefused` where there can be
        no such client: the name of the Region, a profile or a certificate is wrong.
        """
        with self._lock:
            known = self._clients.get((service, region))
            if known is None:
                known = self._clients[service, region] = self._new(service, region, self._options.key)
            self._clients.move_to_end((service, region))
            if len(self._clients) > CLIENTS_KEPT:
                self._clients.popitem(last=False)
            return known

    def client_as(self, key: Credentials, service: AwsService, region: str) -> Any:
        """A new client that acts with other credentials; it is the caller's to keep. Raises as `client`."""
        with self._lock:
            return self._new(service, region, key)

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _new(self, service: AwsService, region: str, key: Credentials | None) -> Any:
        if not self.is_configured(service):
            raise not_configured(service.full_name, service.setting)
        with answers_of(service):
            return self._made(service, region, key)

    def _made(self, service: AwsService, region: str, key: Credentials | None) -> Any:
        from botocore.config import Config
        from botocore.session import Session

        if self._session is None:
            self._session = Session()
        bundle = self._options.ca_bundle
        return self._session.create_client(
            service.value,
            region_name=region,
            endpoint_url=self._options.endpoints[service],
            verify=None if bundle is None else str(bundle),
            aws_access_key_id=None if key is None else key.access_key_id,
            aws_secret_access_key=None if key is None else key.secret_access_key,
            aws_session_token=None if key is None else key.session_token,
            config=Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
                # AWS_ENDPOINT_URL may well be set in this environment, and name this very exchange.
                ignore_configured_endpoint_urls=True,
                user_agent_extra="entrepot",
            ),
        )


def in_thread(method: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """The method as a coroutine that runs it in a thread."""

    @wraps(method)
    async def call_in_thread(*arguments: P.args, **named: P.kwargs) -> T:
        return await asyncio.to_thread(method, *arguments, **named)

    return call_in_thread


@contextmanager
def answers_of(service: AwsService) -> Iterator[None]:
    """Turns botocore's errors inside of the block into an `IntegrationError` that names service and action.

    `IntegrationRefused.code` is the service's own code, such as EntityNotFoundException, "" where it has
    none.
    """
    try:
        yield
    except Exception as error:
        translated = _translated(service, error)
        if translated is None:
            raise
        raise translated from error


def call(service: AwsService, method: Callable[..., Any], **parameters: object) -> dict[str, Any]:
    """The answer of one call of a client's method; raises as `answers_of`."""
    with answers_of(service):
        answer: dict[str, Any] = method(**parameters)
        return answer


def _translated(service: AwsService, error: Exception) -> IntegrationError | None:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    if isinstance(error, ClientError):
        return _answered(service, error)
    if isinstance(error, ResponseParserError):
        return IntegrationUnavailable(
            f"{service.full_name} answered what cannot be understood; check that {service.setting} names it."
        )
    if isinstance(error, BotoCoreError):
        return _unanswered(service, error)
    return None


def _answered(service: AwsService, error: ClientError) -> IntegrationError:
    details = error.response.get("Error", {})
    code = str(details.get("Code", ""))
    words = str(details.get("Message") or details.get("message") or "").strip().rstrip(".")
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    said = f"{code}: {words}" if words else code
    if status >= 500 or status == 429 or code in _PASSING:
        return IntegrationUnavailable(
            f"{service.full_name} failed at {error.operation_name} ({said}); try again later."
        )
    if code in _DENIED:
        advice = (
            f"Allow {service.value}:{error.operation_name} to the credentials of "
            "this exchange, or to the role it assumes."
        )
    elif code in _BAD_CREDENTIALS:
        advice = "Check the AWS credentials of the server."
    else:
        advice = "Mend what it names, then try again."
    return IntegrationRefused(
        f"{service.full_name} refused {error.operation_name} ({said}). {advice}",
        code=code,
        denied=code in _DENIED | _BAD_CREDENTIALS,
    )


def _unanswered(service: AwsService, error: BotoCoreError) -> IntegrationError:
    from botocore import exceptions

    if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
        return IntegrationRefused(
            f"There are no AWS credentials for {service.full_name}. Set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY in the server's environment, or give it a profile or a role.",
            denied=True,
        )
    # The address is the operator's: it stays in the log, as the cause of this error.
    passing = (
        exceptions.ConnectionError,
        exceptions.HTTPClientError,
        exceptions.CredentialRetrievalError,
        exceptions.MetadataRetrievalError,
    )
    if isinstance(error, passing):
        return IntegrationUnavailable(
            f"{service.full_name} cannot be reached ({type(error).__name__}); "
            f"try again later, and check {service.setting} of the server."
        )
    return IntegrationRefused(f"{service.full_name} cannot be called: {str(error).rstrip('.')}.")
