"""What can go wrong on the client's side: a branch of the one error tree (`entrepot.domain.errors`).

A command that ends by one of them exits with 255, unless the class says otherwise.

`message` is the text that people see, without the program's name. Scripts that were written for the AWS CLI
parse these texts, so they are those of its version 2.23.6. This module is on the way of every command and
imports next to nothing.
"""

from __future__ import annotations

from entrepot.domain.errors import EntrepotError


class ClientError(EntrepotError):
    """The root of the branch."""


class UsageError(ClientError):
    """The command line cannot be understood (exit 252); `usage` is shown before the message."""

    def __init__(self, message: str, *, usage: str = "") -> None:
        super().__init__(message)
        self.usage = usage


class UnknownOptions(UsageError):
    """Parts of the command line belong to nothing; shown without the program's name."""


class ParameterError(ClientError):
    """A value on the command line cannot be read, or breaks what the model says of it (exit 252)."""


class ClientConfigurationError(ClientError):
    """Something that must be configured is missing, or is set to what cannot be used (exit 253)."""


class NoRegion(ClientConfigurationError):
    def __init__(self) -> None:
        super().__init__(
            'You must specify a region. You can also configure your region by running "aws configure".'
        )


class NoCredentials(ClientConfigurationError):
    def __init__(self) -> None:
        super().__init__(
            'Unable to locate credentials. You can configure credentials by running "aws configure".'
        )


class PagerUnavailable(ClientConfigurationError):
    def __init__(self, reason: str) -> None:
        super().__init__(
            "Unable to redirect output to pager. Received the following error when opening pager:\n"
            f"{reason}\n\n"
            'Learn more about configuring the output pager by running "aws help config-vars".'
        )


class ServiceAnswer(ClientError):
    """The service answered with an error: HTTP status 300 or more (exit 254)."""

    def __init__(
        self,
        code: str,
        text: str,
        *,
        operation_name: str,
        status: int,
        retries: int | None = None,
        body: bytes = b"",
    ) -> None:
        """`retries` counts the further attempts where all that were allowed are used up, else None."""
        spent = "" if retries is None else f" (reached max retries: {retries})"
        super().__init__(
            f"An error occurred ({code}) when calling the {operation_name} operation{spent}: {text}"
        )
        self.code = code
        self.text = text
        self.operation_name = operation_name
        self.status = status
        self.body = body
        """As it came: errors may have more members than code and message."""


class ConfigFileInvalid(ClientError):
    """A config or credentials file is there and cannot be parsed."""

    def __init__(self, path: str) -> None:
        super().__init__(f"Unable to parse config file: {path}")
        self.path = path


class ProfileNotFound(ClientError):
    """Neither the config nor the credentials file has this profile."""

    def __init__(self, profile: str) -> None:
        super().__init__(f"The config profile ({profile}) could not be found")
        self.profile = profile


class SettingInvalid(ClientError):
    """Something is set, by an option, a variable or a file, to what cannot be used."""


class CredentialsFailed(ClientError):
    """Keys are configured, but only in part, or the place that should give them does not."""


class TransportError(ClientError):
    """A request got no whole answer: nobody there, too slow, cut off, not trusted. Another try may."""

    timed_out = False
    """Whether waiting too long is what failed."""


class EndpointUnreachable(TransportError):
    def __init__(self, url: str) -> None:
        super().__init__(f'Could not connect to the endpoint URL: "{url}"')


class ProxyUnreachable(TransportError):
    def __init__(self, proxy_url: str) -> None:
        """`proxy_url` must be free of passwords."""
        super().__init__(f'Failed to connect to proxy URL: "{proxy_url}"')


class ConnectTimedOut(TransportError):
    timed_out = True

    def __init__(self, url: str) -> None:
        super().__init__(f'Connect timeout on endpoint URL: "{url}"')


class ReadTimedOut(TransportError):
    timed_out = True

    def __init__(self, url: str) -> None:
        super().__init__(f'Read timeout on endpoint URL: "{url}"')


class TlsFailed(TransportError):
    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"SSL validation failed for {url} {reason}")


class ConnectionClosed(TransportError):
    """The connection ended before a whole answer had come, or what came is not HTTP."""

    def __init__(self, url: str) -> None:
        super().__init__(
            f'Connection was closed before we received a valid response from endpoint URL: "{url}".'
        )


class RequestNotSendable(TransportError):
    """The request cannot be put on the wire: a header with a line break, a host name that is none."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"An HTTP Client raised an unhandled exception: {reason}")


class OutputError(ClientError):
    """The answer cannot be shown: no such format, a query that fails on it, text that cannot be encoded."""


class OutputLost(ClientError):
    """Standard output could not take the whole answer (exit 120); `reason` is the system's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The output could not be written: {reason}")


class UnreadableAnswer(ClientError):
    """The service's answer is not what the model says of it, in a way that cannot be passed over."""


class PaginationFailed(ClientError):
    """Pages cannot be followed: the service gives the same token twice, or the starting token is no token."""
