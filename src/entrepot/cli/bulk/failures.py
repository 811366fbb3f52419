"""What keeps `publish` and `fetch` from beginning, and what a single file, object or job can fail with.

ClientError
├── CannotBegin             nothing was done
│   └── AlreadyRunning      the same command runs already
├── GivenUp                 so much failed, and nothing succeeded, that the rest was not tried
└── ItemFailed              one file, object or asset; the others go on, and the exit code is 1
    ├── FolderFull          there is no room for it, nor for the others
    └── UrlRefused          the server behind a signed URL answered with an error (`signed_urls.py`)
"""

from __future__ import annotations

from entrepot.client.client_errors import ClientError


class CannotBegin(ClientError):
    """Nothing was done; the message says why, and what to do."""


class AlreadyRunning(CannotBegin):
    """The same command runs already."""


class GivenUp(ClientError):
    """So much failed, and nothing succeeded, that the rest was not tried."""


class ItemFailed(ClientError):
    """One file, object or asset could not be moved; the others go on."""


class FolderFull(ItemFailed):
    """There is no room for a file; there will be none for the others."""
