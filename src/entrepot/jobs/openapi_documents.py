"""OpenAPI documents, checked by a process of its own: `openapi_check` says why."""

from __future__ import annotations

import asyncio
import json
import sys

from entrepot.jobs.openapi_check import CPU_SECONDS

_SECONDS = CPU_SECONDS + 15.0
"""The process ends itself before, unless the machine is very busy."""


class DocumentUncheckable(Exception):
    """The check took too much time or memory."""


async def problems_of(document: bytes) -> list[str]:
    """What is wrong with the document, the first few problems; empty where nothing is.

    Raises `DocumentUncheckable`. The process ends with this call, however it ends.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",  # the folder that somebody is in is no place to import from
        "-m",
        "entrepot.jobs.openapi_check",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            answer, _ = await process.communicate(document)
    except TimeoutError:
        raise DocumentUncheckable from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise DocumentUncheckable
    found: list[str] = json.loads(answer)
    return found
