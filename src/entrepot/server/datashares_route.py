"""`POST /entrepot/datashares/{asset id}/credentials`: a login for a datashare that PostgreSQL serves.

    {"Host": …, "Port": 5432, "Database": …, "Schema": …, "User": …, "Password": …, "ExpiresAt": …}

For the receiver, by the id of the entitled asset. Every call makes another password, ends the former one and
the sessions that it began; this answer is the only place where the password is. ExpiresAt is the end of the
data grant, and absent where it has none. In AWS Data Exchange there is no such call: Redshift needs none.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from entrepot.domain.datashare import DatabaseLogin
from entrepot.domain.scope import Scope
from entrepot.http.messages import HttpRequest
from entrepot.operations.context import Context
from entrepot.server.own_routes import Gone

_PATH = re.compile(r"/entrepot/datashares/([a-zA-Z0-9]{1,64})/credentials")


@dataclass(frozen=True, slots=True)
class DatashareCredentialsRoute:
    """Answers the route."""

    hand_out: Callable[[Scope, str], Awaitable[DatabaseLogin]]
    """See `access.datashare_credentials`."""

    @property
    def name(self) -> str:
        """See `OwnRoute`."""
        return "CreateDatashareCredentials"

    def matches(self, method: str, raw_path: str) -> bool:
        """See `OwnRoute`."""
        return method == "POST" and _PATH.fullmatch(raw_path) is not None

    async def answer(self, context: Context, request: HttpRequest, gone: Gone) -> Mapping[str, object]:
        """See `OwnRoute`. Raises `ResourceNotFound`, `Conflict`, `ValidationFailed` and `InternalError`."""
        match = _PATH.fullmatch(request.raw_path)
        login = await self.hand_out(context.scope, match.group(1) if match is not None else "")
        answer: dict[str, object] = {
            "Host": login.host,
            "Port": login.port,
            "Database": login.database,
            "Schema": login.schema,
            "User": login.user,
            "Password": login.password,
        }
        if login.expires_at is not None:
            answer["ExpiresAt"] = login.expires_at.isoformat()
        return answer
