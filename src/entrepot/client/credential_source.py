"""The keys that requests are signed with, and what has them: fixed, or fetched anew before they expire."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class CredentialSource(Protocol):
        """Something that has keys now, and still has when they are asked for again later."""

        def current(self) -> Credentials:
            """The keys to sign the next request with. Raises ClientError where they cannot be had."""


class Credentials:
    """An access key, its secret, and the session token of a temporary one. It is its own source."""

    __slots__ = ("access_key_id", "secret_access_key", "session_token")

    def __init__(self, access_key_id: str, secret_access_key: str, session_token: str | None = None) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.session_token = session_token or None

    def current(self) -> Credentials:
        """Itself: these keys do not change."""
        return self
