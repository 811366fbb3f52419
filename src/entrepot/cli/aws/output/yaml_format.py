"""`--output yaml` and `yaml-stream`, written by libyaml, with which the AWS CLI writes them, too.

ruamel.yaml without libyaml (the package ruamel.yaml.clib) folds and quotes in other places, so it is not used
without: a script that compares outputs does not care why they differ.
"""

from __future__ import annotations

import json

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from entrepot.client.client_errors import OutputError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.output.terminal import TextStream


def write_yaml(title: str, answer: Any, stream: TextStream) -> None:
    """Write the answer as one YAML document, nothing for an empty structure, and a single scalar as JSON.

    Raises OutputError where libyaml is missing, TypeError for what YAML cannot say, and UnicodeEncodeError
    for half a surrogate pair.
    """
    del title
    if answer == {}:
        return
    if answer is None or isinstance(answer, (str, int, float)):
        # In YAML a document that is a scalar may need an end marker.
        json.dump(answer, stream, ensure_ascii=False)
        stream.write("\n")
        return
    _write_document(answer, stream)


def write_yaml_item(answer: Any, stream: TextStream) -> None:
    """Writes the answer as the next item of a list that spans the whole output. Raises as `write_yaml`."""
    _write_document([answer], stream)


def _write_document(value: Any, stream: TextStream) -> None:
    try:
        import _ruamel_yaml  # noqa: F401 - libyaml; ruamel.yaml would do without it in silence
    except ImportError:
        raise OutputError(
            "YAML is written by libyaml, which this Python lacks: pip install ruamel.yaml.clib, "
            "or use another --output."
        ) from None
    writer: Any = YAML(typ="safe")
    writer.encoding = None  # the stream takes texts
    writer.representer.default_flow_style = False
    try:
        writer.dump(value, stream)
    except YAMLError as error:
        raise TypeError(str(error)) from None
