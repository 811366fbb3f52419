"""Finds and reads botocore's description of this service, without importing botocore (0.2 s and more).

Apart from `loader`, and on the standard library alone, because help and completion want its words and nothing
of the model's machinery.
"""

from __future__ import annotations

import importlib.util
import json
import os.path
import zlib

from entrepot.domain.errors import ConfigurationError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

API_VERSION = "2017-07-25"
_GZIP = 31  # zlib's word for: a gzip header, and the largest window


def read_document() -> dict[str, Any]:
    """botocore's JSON, unpatched. Raises `ConfigurationError` when botocore or its file is missing."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise ConfigurationError("botocore is not installed; it carries the service model. Install it.")
    # os.path throughout: pathlib takes 5 ms, more than reading the file does.
    folder = os.path.join(os.path.dirname(spec.origin), "data", "dataexchange", API_VERSION)  # noqa: PTH118, PTH120
    for name in ("service-2.json.gz", "service-2.json"):
        path = os.path.join(folder, name)  # noqa: PTH118
        if os.path.exists(path):  # noqa: PTH110
            with open(path, "rb") as file:  # noqa: PTH123
                content = file.read()
            document: dict[str, Any] = json.loads(
                zlib.decompress(content, _GZIP) if name.endswith(".gz") else content
            )
            return document
    raise ConfigurationError(f"botocore has no model of AWS Data Exchange in {folder}; reinstall it.")
