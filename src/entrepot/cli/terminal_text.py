"""Texts of others on a terminal or in a script: what could move a cursor, lie or break JSON is shown escaped.

Names of files and objects, messages and comments come from anybody. A terminal acts on control characters,
those of Latin-1 (U+009B) included; marks of writing direction show a text other than it is; lone surrogates,
which stand for bytes that are no UTF-8, are in no encoding, and most readers of JSON refuse them.
"""

from __future__ import annotations

import json
import re
import sys

from entrepot.client.client_errors import OutputLost

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_MARKS = "\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_SURROGATES = re.compile("[\ud800-\udfff]")
_ACTING = re.compile(f"[\x00-\x1f\x7f-\x9f{_MARKS}\ud800-\udfff]")
_ACTING_IN_LINES = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_MARKS}\ud800-\udfff]")
_LEFT_BY_JSON = re.compile(f"[\x7f-\x9f{_MARKS}]")


def printable(text: str, *, lines: bool = False) -> str:
    r"""The text with `\x1b` and the like in place of what is not plain; `lines` keeps line ends and tabs."""
    if text.isascii() and text.isprintable():
        return text
    return (_ACTING_IN_LINES if lines else _ACTING).sub(_escape, text)


def print_json(document: object) -> None:
    """Prints a document on standard output, as `json_text` makes it."""
    print_text(json_text(document, getattr(sys.stdout, "encoding", None)))


def print_text(text: str, *, end: str = "\n", flush: bool = False) -> None:
    """Prints on standard output; raises `OutputLost` where that is full, and `BrokenPipeError`."""
    try:
        print(text, end=end, flush=flush)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(error.strerror or str(error)) from error


def json_text(document: object, encoding: str | None) -> str:
    """The document as JSON that any reader takes, and that does nothing to a terminal."""
    plain = _mapped(document, lambda one: one if one.isascii() else _SURROGATES.sub(_escape, one))
    text = json.dumps(plain, indent=4, ensure_ascii=False)
    try:
        text.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return json.dumps(plain, indent=4)
    return _LEFT_BY_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def printable_values(document: dict[str, Any]) -> dict[str, Any]:
    """The document with all its texts `printable`, in lines."""
    mapped: dict[str, Any] = _mapped(document, lambda one: printable(one, lines=True))
    return mapped


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {_mapped(key, change): _mapped(one, change) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_mapped(one, change) for one in value]
    return value


def _escape(found: re.Match[str]) -> str:
    number = ord(found[0])
    if 0xDC80 <= number <= 0xDCFF:  # how Python keeps a byte that is no UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode()
