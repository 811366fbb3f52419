"""`--output text`: tab-separated lines for awk and cut.

The scalars of a structure come first, on one line; then its structures and lists, each line of them headed by
the upper-cased name of the innermost container. Everything is sorted by name. Nothing is escaped.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from entrepot.cli.aws.output.terminal import TextStream


def write_text(
    value: Any, stream: TextStream, container: str | None = None, columns: list[str] | None = None
) -> None:
    """Writes a value; `columns` are the scalar members to show of a structure in a list, None for its own."""
    if isinstance(value, dict):
        _write_structure(value, stream, container, columns)
    elif isinstance(value, list):
        _write_list(value, stream, container)
    else:
        stream.write(str(value))
        stream.write("\n")


def _write_structure(
    structure: dict[str, Any], stream: TextStream, container: str | None, columns: list[str] | None
) -> None:
    if columns is None:
        columns = sorted(name for name, value in structure.items() if not isinstance(value, (dict, list)))
    cells = [str(structure.get(name, "")) for name in columns]
    if cells:
        if container is not None:
            cells.insert(0, container.upper())
        stream.write("\t".join(cells))
        stream.write("\n")
    for name in sorted(structure.keys() - set(columns)):
        write_text(structure[name], stream, name, None)


def _write_list(items: list[Any], stream: TextStream, container: str | None) -> None:
    if any(isinstance(item, dict) for item in items):
        # One line each needs one set of columns for all: the union of their scalar members.
        columns = _scalar_members(items)
        for item in items:
            write_text(item, stream, container, columns)
        return
    scalars = [item for item in items if not isinstance(item, list)]
    if scalars:
        _write_scalars(scalars, stream, container)
    for item in items:
        if isinstance(item, list):
            write_text(item, stream, container, None)


def _scalar_members(structures: list[dict[str, Any]]) -> list[str]:
    members = (member for structure in structures for member in structure.items())
    return sorted({name for name, value in members if not isinstance(value, (dict, list))})


def _write_scalars(scalars: list[Any], stream: TextStream, container: str | None) -> None:
    if container is None:
        stream.write("\t".join([str(scalar) for scalar in scalars]))
        stream.write("\n")
        return
    for scalar in scalars:
        stream.write(f"{container.upper()}\t{scalar}\n")
