"""Keys as paths: one to one, inside the root whatever the key says, and equal on every file system.

    assets/0f/0f3a…  →  assets/0f/0f3a….object
    A b//../c        →  %41%20b/%/%2e%2e/c.object

- A segment keeps `a-z 0-9 _ -`; every other byte, capitals and dots included, is `%xx`. So no segment is `.`
  or `..`, none begins with a dot (the store's own folders do), and a file system that ignores case tells all
  apart.
- An empty segment is `%`. The last segment ends in `.object`: `a` and `a/b` may both exist.
- A long segment is cut every 66 bytes, each piece a folder with a `+` behind it: no name exceeds 255 bytes.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

OBJECT_SUFFIX = ".object"
_PIECE_BYTES = 66
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789_-")
_NAMES = tuple(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in range(256))


def relative_path(key: bytes) -> str:
    """Where the object with this key lies below the root."""
    return "/".join(_segment_path(segment) for segment in key.split(b"/")) + OBJECT_SUFFIX


def _segment_path(segment: bytes) -> str:
    pieces = []
    while len(segment) >= _PIECE_BYTES:
        pieces.append(_name(segment[:_PIECE_BYTES]) + "+")
        segment = segment[_PIECE_BYTES:]
    pieces.append(_name(segment))
    return "/".join(pieces)


def _name(piece: bytes) -> str:
    return "".join([_NAMES[byte] for byte in piece]) or "%"


def key_of_entry(parent: bytes, name: str, *, is_folder: bool) -> bytes | None:
    """What an entry of a folder stands for: the key of a file, or what the keys in a folder begin with.

    `parent` is that of the folder; None for a file that is no object.
    """
    if is_folder:
        return parent + _bytes_of(name[:-1]) if name.endswith("+") else parent + _bytes_of(name) + b"/"
    if not name.endswith(OBJECT_SUFFIX):
        return None
    return parent + _bytes_of(name.removesuffix(OBJECT_SUFFIX))


def _bytes_of(name: str) -> bytes:
    return b"" if name == "%" else unquote_to_bytes(name)
