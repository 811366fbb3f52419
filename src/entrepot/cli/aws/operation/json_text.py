"""JSON of a nested parameter, whose accidents read the same under every Python: scripts see the messages."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BLANKS = " \t\n\r"


class _Pairs(dict[str, object]):
    """An object. Quoted in a message it looks as the AWS CLI's OrderedDict does under Python 3.11."""

    def __repr__(self) -> str:
        return f"OrderedDict({list(self.items()) if self else ''})"


_Pairs.__module__, _Pairs.__qualname__ = "collections", "OrderedDict"


def read_json(text: str) -> Any:
    """The value. Raises `ValueError`, with the text that Python 3.11 has for it."""
    try:
        return json.loads(text, object_pairs_hook=_Pairs)
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Illegal trailing comma"):
            raise
        # Since 3.13 it is the comma that is complained of; before, what should have followed it.
        place = error.pos + 1
        while text[place] in _BLANKS:
            place += 1
        wanted = "property name enclosed in double quotes" if text[place] == "}" else "value"
        raise json.JSONDecodeError(f"Expecting {wanted}", text, place) from None
