"""Whether a document is OpenAPI 3.0 or 3.1: a program of its own, document in, problems out (JSON).

Run as a process, never called, since it looks at what strangers wrote: a regular expression
in a schema can keep `re`, and with it a whole process, busy for years, and references can be nested so that
they fill any memory. This process may take half a minute and some memory; then it ends, alone.

Nothing is read for a `$ref` but the document itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NoReturn

MOST_PROBLEMS = 5
CPU_SECONDS = 30
_MEMORY_BYTES = 768 * 1024 * 1024
_LONGEST_PROBLEM = 240
_TOO_DEEP = "it is nested too deeply"


class _Elsewhere(Exception):
    """A reference leads out of the document."""


class _NoHandlers(Mapping[str, Callable[[str], Any]]):
    """Answers for every scheme of a URI; of a scheme that has no handler the library itself would fetch."""

    def __getitem__(self, scheme: str) -> Callable[[str], NoReturn]:
        return _refuse

    def __contains__(self, scheme: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def problems(document: bytes) -> list[str]:
    """What is wrong with a document, at most `MOST_PROBLEMS` of it; empty where nothing is."""
    try:
        content = json.loads(document.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        return ["it is not UTF-8"]
    except RecursionError:
        return [_TOO_DEEP]
    except ValueError as error:
        return [f"it is not JSON: {error}"]
    if not isinstance(content, dict):
        return ["it is not a JSON object"]
    return _of_version(content) or _violations(content)


def _of_version(content: dict[str, Any]) -> list[str]:
    if "swagger" in content:
        return [
            "it is Swagger, of which OpenAPI 3.0 is the successor; convert it, or export it from Amazon API "
            "Gateway as oas30"
        ]
    version = content.get("openapi")
    if not isinstance(version, str) or not version.startswith(("3.0.", "3.1.")):
        return [f'its member "openapi" must be a version of 3.0 or 3.1, and is {json.dumps(version)[:40]}']
    return []


def _violations(content: dict[str, Any]) -> list[str]:
    from jsonschema_path import SchemaPath
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator
    from referencing.exceptions import Unresolvable

    validator = OpenAPIV30SpecValidator if content["openapi"].startswith("3.0.") else OpenAPIV31SpecValidator
    path = SchemaPath.from_dict(content, handlers=_NoHandlers())
    found: list[str] = []
    try:
        for error in islice(validator(path).iter_errors(), MOST_PROBLEMS):
            place = "".join(
                f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in error.absolute_path
            )
            found.append(f"at #{place}: {error.message}")
    except (Unresolvable, _Elsewhere) as error:
        found.append(f"a $ref leads to what is not in the document: {getattr(error, 'ref', error)}")
    except RecursionError:
        found.append(_TOO_DEEP)
    except Exception as error:  # noqa: BLE001 - the library stumbles over much that it has found wrong before
        if not found:
            found.append(f"it cannot be understood: {type(error).__name__} {error}")
    return [text if len(text) <= _LONGEST_PROBLEM else text[:_LONGEST_PROBLEM] + "…" for text in found]


def _refuse(uri: str) -> NoReturn:
    raise _Elsewhere(uri)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no value of JSON")


def main() -> None:
    """Reads standard input to its end, and writes a JSON array of texts."""
    if sys.platform != "win32":
        import os
        import resource

        os.nice(5)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.write(json.dumps(problems(sys.stdin.buffer.read())))


if __name__ == "__main__":
    main()
