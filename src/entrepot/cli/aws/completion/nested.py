"""Names inside values: members in shorthand, and members of the answer in a query."""

from __future__ import annotations

from entrepot.cli.aws.completion.values import Candidate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from entrepot.client.command_line_model import Shape

_OPENING = {"structure": "{", "map": "{", "list": "["}


def nested_names(shape: Shape, typed: str) -> list[Candidate]:
    """Names and choices with which shorthand can go on, each as the whole value; none for JSON."""
    if typed.lstrip().startswith(("[", "{", '"')) and shape.kind != "list":
        return []
    here, begun, value_of = _descend(shape, typed)
    if here is None:
        return []
    head = typed[: len(typed) - len(begun)]
    if value_of is not None:
        return [Candidate(head + value, final=False) for value in value_of.enum] if value_of.enum else []
    if here.kind != "structure":
        return []
    return [
        Candidate(f"{head}{name}={_OPENING.get(member.shape.kind, '')}", member.shape.kind, final=False)
        for name, member in here.members.items()
    ]


def _descend(shape: Shape, typed: str) -> tuple[Shape | None, str, Shape | None]:
    """Where in the shape the text has come to.

    The structure, the word that is begun there, and the shape of the value where that word is one.
    """
    start = shape.item if shape.kind == "list" and shape.item is not None else shape
    stack: list[Shape | None] = [start]
    begun, value_of = "", None
    for letter in typed:
        here = stack[-1]
        if letter == "=":
            member = None if here is None else here.members.get(begun)
            value_of = None if member is None else member.shape
            if member is None:
                stack[-1] = None if here is None or here.kind == "structure" else here
            begun = ""
        elif letter in "{[":
            inside = value_of if value_of is not None else here if letter == "{" else None
            if inside is not None and inside.kind == "list":
                inside = inside.item
            stack.append(inside)
            begun, value_of = "", None
        elif letter in "}]":
            if len(stack) > 1:
                stack.pop()
            begun, value_of = "", None
        elif letter == ",":
            begun, value_of = "", None
        else:
            begun += letter
    return stack[-1], begun, value_of


def query_names(output: Shape | None, typed: str) -> list[Candidate]:
    """Names that a path of a JMESPath query can go on with; each as the whole query. Only plain paths."""
    cut = max(typed.rfind(letter) for letter in ".[{(, |?") + 1
    head, begun = typed[:cut], typed[cut:]
    here = output
    for step in head.rstrip(".").split(".") if head.endswith(".") else [head] if head else []:
        name, bracket, _ = step.partition("[")
        here = None if here is None else _inside(here, name, unfold=bool(bracket))
    if here is None or not all(letter.isalnum() for letter in begun):
        return []
    return [Candidate(head + name, member.shape.kind, final=False) for name, member in here.members.items()]


def _inside(shape: Shape, name: str, *, unfold: bool) -> Shape | None:
    member = shape.members.get(name)
    if member is None:
        return None
    found = member.shape
    return found.item if unfold and found.kind == "list" else found
