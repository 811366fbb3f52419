"""Keys that are good for a while: fetched again before they expire, and refused once they have.

The windows are the AWS CLI's: a quarter of an hour before the end new keys are wanted, and what there is will
do if there are none; ten minutes before the end they are needed.
"""

from __future__ import annotations

import time

from entrepot.client.client_errors import ClientError, CredentialsFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from entrepot.client.credentials import Credentials

    Fetched = tuple[Credentials, str]

WANTED_SECONDS = 15 * 60
NEEDED_SECONDS = 10 * 60


class ExpiringCredentials:
    """Keys with the moment they expire, and how to get the next ones. Safe to share between threads."""

    def __init__(self, keys: Credentials, expiration: str, fetch: Callable[[], Fetched]) -> None:
        """`expiration` is a time in any usual notation. Raises CredentialsFailed where it is none."""
        import threading

        self._lock = threading.Lock()
        self._keys = keys
        self._expires = _moment(expiration)
        self._fetch = fetch

    def current(self) -> Credentials:
        """Keys that are still good. Raises ClientError where there are none to be had."""
        if self._remaining() < WANTED_SECONDS:
            with self._lock:
                if self._remaining() < WANTED_SECONDS:
                    self._renew()
        return self._keys

    def _remaining(self) -> float:
        if self._expires.tzinfo is None:
            raise CredentialsFailed("can't subtract offset-naive and offset-aware datetimes")
        return self._expires.timestamp() - time.time()

    def _renew(self) -> None:
        try:
            self._keys, expiration = self._fetch()
        except ClientError:
            if self._remaining() < NEEDED_SECONDS:
                raise
            return
        self._expires = _moment(expiration)
        if self._remaining() <= 0:
            raise CredentialsFailed(
                "Credentials were refreshed, but the refreshed credentials are still expired."
            )


def _moment(text: str) -> datetime:
    from datetime import datetime

    try:
        return datetime.fromisoformat(text)
    except (ValueError, TypeError):
        # Other notations, which few programs write; its messages are those that people see.
        from dateutil.parser import parse

        try:
            moment: datetime = parse(text)
        except (ValueError, TypeError, OverflowError) as error:
            raise CredentialsFailed(str(error)) from error
        return moment
