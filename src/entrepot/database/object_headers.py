"""Headers of objects as the database keeps them: JSON of those that are known, null where none is asked for.

Under the names of the fields of `ObjectHeaders`: renaming one of those is a migration.
"""

from __future__ import annotations

import msgspec

from entrepot.domain.object_headers import ObjectHeaders

_DECODER = msgspec.json.Decoder(ObjectHeaders)


def headers_json(headers: ObjectHeaders) -> str:
    known = {name.replace("-", "_"): value for name, value in headers.named()}
    return msgspec.json.encode(known).decode()


def headers_of(text: str) -> ObjectHeaders:
    return _DECODER.decode(text)
