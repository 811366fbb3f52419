"""The bare server: the least that uvicorn can do, the floor under every figure."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

_BODY = b"hello"
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-length", b"5"), (b"content-type", b"text/plain")],
}
_END = {"type": "http.response.body", "body": _BODY}


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Answers everything alike."""
    await send(_START)
    await send(_END)


def main() -> None:
    """`python -m bench.hello PORT`."""
    import uvicorn

    uvicorn.run(application, port=int(sys.argv[1]), log_level="error", access_log=False, lifespan="off")


if __name__ == "__main__":
    main()
