"""Page tokens: opaque, and of no use but where they were given."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence

import msgspec

from entrepot.domain.errors import ValidationFailed

_VERSION = b"\x01"
_MAC_BYTES = 32


class PageTokens:
    """Makes and reads `NextToken`.

    A token is a version byte, an HMAC-SHA256 and the position (JSON), in unpadded URL-safe base64. The HMAC
    covers the binding too: the text that says whose query this is, of what, and with which filters. So a
    token that was altered, or that comes from another query or account, is refused.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def encode(self, binding: str, position: Sequence[str | int]) -> str:
        content = msgspec.json.encode(list(position))
        token = _VERSION + self._mac(binding, content) + content
        return base64.urlsafe_b64encode(token).rstrip(b"=").decode()

    def decode(self, binding: str, token: str) -> tuple[str | int, ...]:
        """The position in a token. Raises `ValidationFailed` unless `encode` made it for this binding."""
        try:
            decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (binascii.Error, ValueError) as error:
            raise _refusal() from error
        mac, content = decoded[1 : 1 + _MAC_BYTES], decoded[1 + _MAC_BYTES :]
        # Base64 has several spellings of the same bytes; only ours is accepted.
        if (
            decoded[:1] != _VERSION
            or base64.urlsafe_b64encode(decoded).rstrip(b"=").decode() != token
            or not hmac.compare_digest(mac, self._mac(binding, content))
        ):
            raise _refusal()
        return tuple(msgspec.json.decode(content, type=list[str | int]))

    def _mac(self, binding: str, content: bytes) -> bytes:
        bound = binding.encode()
        return hmac.digest(self._secret, _VERSION + b"%d:" % len(bound) + bound + content, "sha256")


def _refusal() -> ValidationFailed:
    return ValidationFailed(
        "The NextToken is not valid for this request. Use it unchanged and with the same parameters as the "
        "request that returned it, or leave it out to begin at the first page."
    )
